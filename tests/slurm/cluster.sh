#!/usr/bin/env bash
# Runs a Slurm cluster of two nodes on one machine, in a scratch directory.
# Usage: cluster.sh start|stop DIR; cluster.sh kill|revive DIR NODE for the slurmd of one node (kill -9,
# which Slurm notices after ten seconds). It runs munged, slurmctld and two slurmd under two node names on
# ports of their own, and touches nothing outside DIR. The nodes claim 64 cores each (config_overrides), so
# that Slurm accepts jobs of any size. Needs the Debian packages slurm-wlm and munge.
set -euo pipefail
action=$1
dir=$(realpath -m "$2")
base=$((20000 + RANDOM % 8000))

start() {
    mkdir -p "$dir"/{state,n1/tmp,n2/tmp}
    local host
    host=$(hostname -s)
    chmod 755 "$dir"
    mkdir -p "$dir/munge"
    chmod 700 "$dir/munge"
    head -c 128 /dev/urandom >"$dir/munge/key"
    chmod 600 "$dir/munge/key"
    munged --force --key-file="$dir/munge/key" --socket="$dir/munge/socket" \
        --pid-file="$dir/munge/pid" --log-file="$dir/munge/log" --seed-file="$dir/munge/seed"
    cat >"$dir/slurm.conf" <<EOF
ClusterName=pwf
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$base
SlurmUser=$(id -un)
SlurmdUser=$(id -un)
AuthType=auth/munge
AuthInfo=socket=$dir/munge/socket,cred_expire=5
CredType=cred/munge
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/%n
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/%n/slurmd.pid
SlurmctldLogFile=$dir/slurmctld.log
SlurmdLogFile=$dir/%n.log
SlurmdParameters=config_overrides
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SwitchType=switch/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
TmpFS=$dir/%n/tmp
SlurmdTimeout=10
KillWait=10
SchedulerParameters=sched_interval=2,bf_interval=2
ReturnToService=2
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
NodeName=n1 NodeHostname=$host NodeAddr=127.0.0.1 Port=$((base + 1)) CPUs=64
NodeName=n2 NodeHostname=$host NodeAddr=127.0.0.1 Port=$((base + 2)) CPUs=64
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
PartitionName=all Nodes=n1,n2 Default=YES MaxTime=INFINITE State=UP GraceTime=20
PartitionName=urgent Nodes=n1,n2 PriorityTier=10 OverSubscribe=NO MaxTime=INFINITE State=UP
EOF
    export SLURM_CONF=$dir/slurm.conf
    slurmctld -f "$SLURM_CONF"
    slurmd -N n1 -f "$SLURM_CONF"
    slurmd -N n2 -f "$SLURM_CONF"
    for _ in $(seq 60); do
        if [ "$(sinfo -h -N -t idle -o %N 2>/dev/null | sort -u | wc -l)" = 2 ]; then
            echo "export SLURM_CONF=$SLURM_CONF"
            return 0
        fi
        sleep 0.5
    done
    echo "the nodes did not come up:" >&2
    tail -n 20 "$dir"/*.log >&2
    return 1
}

stop() {
    local file pid
    for file in "$dir"/n1/slurmd.pid "$dir"/n2/slurmd.pid "$dir/slurmctld.pid" "$dir/munge/pid"; do
        [ -s "$file" ] || continue
        pid=$(cat "$file")
        kill "$pid" 2>/dev/null || continue
        for _ in $(seq 40); do kill -0 "$pid" 2>/dev/null || break; sleep 0.25; done
    done
}

kill_node() {
    kill -9 "$(cat "$dir/$1/slurmd.pid")"
}

revive_node() {
    SLURM_CONF=$dir/slurm.conf slurmd -N "$1" -f "$dir/slurm.conf"
}

case $action in
kill) kill_node "$3" ;;
revive) revive_node "$3" ;;
start) start ;;
stop) stop ;;
*) echo "usage: cluster.sh start|stop DIR, cluster.sh kill|revive DIR NODE" >&2; exit 64 ;;
esac
