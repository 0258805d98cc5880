/* SPDX-License-Identifier: BSD-3-Clause */
/* The sum of gradients over all ranks, overlapped with the backward pass. Each piece has a home
 * rank among its owners: the others send their summands there as soon as these are complete, the
 * home adds them in order of arrival (integer sums are exact in any order) and sends the sum to the
 * other owners. Called by shard/exchange.c; worker threads add, only the MPI thread communicates.
 */
#include "pwf/mesh/reduction.h"

#include "mesh_private.h"
#include "pwf/core/clock.h"
#include "pwf/core/mem.h"
#include "pwf/core/trace.h"
#include "pwf/core/watch.h"
#include "pwf/mesh/exact.h"

#include <pthread.h>
#include <stdatomic.h>

/* Length of a piece in elements: long enough that a message or a lock is cheap in comparison, short
 * enough that the first pieces are sent during the backward pass and that a second thread in the
 * same layer does not wait. The length aims at PIECES_EACH pieces per replica in the longest shard.
 * The number of a piece is the tag of its messages, and MPI guarantees tags up to 32767 only:
 * PIECES_MOST plus one piece per shard stays below. */
enum { PIECE_MOST = 16384, PIECE_LEAST = 1024, PIECES_EACH = 4, PIECES_MOST = 30000 };
enum { LOCKS = 64, BUFFERS = 8, NONE = -1 };

typedef struct piece {
    int64_t lo, hi;             /* elements of the flat vector */
    int home;                   /* world rank that adds the summands */
    bool own;                   /* belongs to this rank's shard */
    bool sent;                  /* this rank's summands are on the home rank or sent to it */
    int summands;               /* on the home rank: number of ranks that have been added */
    _Atomic int64_t incomplete; /* elements that this rank's threads have yet to add */
} piece;

typedef enum message_kind {
    SEND_SUMMANDS, /* to the home of a piece */
    RECV_SUMMANDS, /* on the home rank, of any piece and rank */
    SEND_SUM,      /* from the home rank to another owner */
    RECV_SUM,      /* from the home rank */
} message_kind;

typedef struct message {
    message_kind kind;
    int index; /* of the piece; of the buffer for RECV_SUMMANDS */
} message;

struct pwf_reduction {
    const pwf_mesh *mesh;
    int rank, ranks, shards;
    piece *pieces;
    int piece_count;
    int64_t *values;             /* [total] the caller's vector; NULL between end and begin */
    pthread_mutex_t lock[LOCKS]; /* piece i is guarded by lock i % LOCKS */
    int locks;                   /* number of initialised locks */
    _Atomic int *complete;       /* [piece_count] pieces in order of completion, then NONE */
    atomic_int completed;        /* entries of `complete` */
    int seen;                    /* entries of `complete` that the MPI thread has handled */
    int64_t length;              /* of the longest piece */
    int64_t *buffers;            /* [BUFFERS][length] receive buffers of summands */
    int64_t expected, unposted;  /* summand messages of a sum: in total; receives not yet posted */
    int open, room;              /* messages in flight, and the capacity of the arrays below */
    message *messages;           /* [room] in flight, as `requests` */
    MPI_Request *requests;       /* [room] */
    int *done;                   /* [room] indices of requests that have just completed */
    message *ended;              /* [room] copies of their messages */
    MPI_Status *statuses;        /* [room] */
};

/* ---- plan ---- */

/* The longest shard determines the piece length for all. */
static int64_t piece_length(const int64_t *offset, int shards, int replicas)
{
    int64_t longest = 0;
    for (int s = 0; s < shards; s++)
        if (offset[s + 1] - offset[s] > longest) longest = offset[s + 1] - offset[s];
    int64_t length = longest / ((int64_t)PIECES_EACH * replicas);
    if (length > PIECE_MOST) length = PIECE_MOST;
    if (length < PIECE_LEAST) length = PIECE_LEAST;
    const int64_t least = offset[shards] / PIECES_MOST + 1;
    if (length < least) length = least;
    return (length + 7) / 8 * 8; /* whole cache lines, so that pieces do not share one */
}

/* Cuts every shard into pieces; homes rotate over the replicas of the shard. */
static void plan_pieces(pwf_reduction *r, const int64_t *offset)
{
    const int replicas = r->ranks / r->shards, own = pwf_mesh_rank(r->mesh, PWF_SHARD);
    int i = 0;
    for (int s = 0; s < r->shards; s++)
        for (int64_t lo = offset[s], n = 0; lo < offset[s + 1]; lo += r->length, n++) {
            piece *p = &r->pieces[i++];
            p->lo = lo;
            p->hi = lo + r->length < offset[s + 1] ? lo + r->length : offset[s + 1];
            p->home = (int)(n % replicas) * r->shards + s;
            p->own = s == own;
            if (p->home == r->rank) r->expected += r->ranks - 1;
        }
    PWF_ASSERT(i == r->piece_count);
}

/* The most messages in flight: for a piece with another home, one (summands out, later the sum
 * back); for a piece with its home here, one per other replica; plus the receive buffers. */
static int most_messages(const pwf_reduction *r)
{
    const int replicas = r->ranks / r->shards;
    int64_t most = BUFFERS;
    for (int i = 0; i < r->piece_count; i++)
        most += r->pieces[i].home == r->rank ? replicas - 1 : 1;
    return pwf_mesh_count(most);
}

/* Allocates everything; on failure the caller frees what exists. */
static pwf_status plan(pwf_reduction *r, const int64_t *offset)
{
    int64_t count = 0;
    r->length = piece_length(offset, r->shards, r->ranks / r->shards);
    for (int s = 0; s < r->shards; s++)
        count += (offset[s + 1] - offset[s] + r->length - 1) / r->length;
    r->piece_count = pwf_mesh_count(count);
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, count, sizeof *r->pieces, &r->pieces));
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, count, sizeof *r->complete, &r->complete));
    plan_pieces(r, offset);
    for (; r->locks < LOCKS; r->locks++)
        PWF_FAIL_IF(pthread_mutex_init(&r->lock[r->locks], NULL) != 0, PWF_RESOURCE,
                    "cannot create a mutex: the system is out of memory");
    if (r->ranks == 1) return pwf_ok();
    r->room = most_messages(r);
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, r->room, sizeof *r->messages, &r->messages));
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, r->room, sizeof *r->requests, &r->requests));
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, r->room, sizeof *r->done, &r->done));
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, r->room, sizeof *r->ended, &r->ended));
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, r->room, sizeof *r->statuses, &r->statuses));
    return pwf_mem_alloc(PWF_MEM_BUFFERS, BUFFERS * r->length, sizeof *r->buffers, &r->buffers);
}

pwf_status pwf_reduction_new(const pwf_mesh *mesh, const int64_t *offset, pwf_reduction **out)
{
    PWF_ASSERT(offset[0] == 0);
    *out = NULL;
    pwf_reduction *r = NULL;
    PWF_TRY(pwf_mem_alloc(PWF_MEM_BUFFERS, 1, sizeof *r, &r));
    r->mesh = mesh;
    r->rank = pwf_mesh_rank(mesh, PWF_WORLD);
    r->ranks = pwf_mesh_size(mesh, PWF_WORLD);
    r->shards = pwf_mesh_size(mesh, PWF_SHARD);
    const pwf_status status = plan(r, offset);
    if (status.code == PWF_OK)
        *out = r;
    else
        pwf_reduction_free(r);
    return status;
}

void pwf_reduction_free(pwf_reduction *reduction)
{
    if (reduction == NULL) return;
    PWF_ASSERT(reduction->values == NULL);
    for (int i = 0; i < reduction->locks; i++)
        pthread_mutex_destroy(&reduction->lock[i]);
    pwf_mem_free(reduction->pieces);
    pwf_mem_free(reduction->complete);
    pwf_mem_free(reduction->messages);
    pwf_mem_free(reduction->requests);
    pwf_mem_free(reduction->done);
    pwf_mem_free(reduction->ended);
    pwf_mem_free(reduction->statuses);
    pwf_mem_free(reduction->buffers);
    pwf_mem_free(reduction);
}

/* ---- messages ---- */

/* The length of a piece as an MPI count. */
static int length_of(const piece *p)
{
    return pwf_mesh_count(p->hi - p->lo);
}

/* Registers a message; the caller passes the request to MPI. */
static MPI_Request *open_message(pwf_reduction *r, message_kind kind, int index)
{
    PWF_ASSERT(r->open < r->room);
    r->messages[r->open] = (message){kind, index};
    return &r->requests[r->open++];
}

/* Posts a receive for the summands of any rank and piece; the tag names the piece. */
static void post_receive(pwf_reduction *r, int buffer)
{
    if (r->unposted == 0) return;
    r->unposted--;
    PWF_MPI(MPI_Irecv(r->buffers + buffer * r->length, pwf_mesh_count(r->length), MPI_INT64_T,
                      MPI_ANY_SOURCE, MPI_ANY_TAG, r->mesh->summands,
                      open_message(r, RECV_SUMMANDS, buffer)));
}

/* On the home rank: one more rank's summands have been added. After the last, sends the sum. */
static void count_summand(pwf_reduction *r, int index)
{
    piece *p = &r->pieces[index];
    if (++p->summands < r->ranks) return;
    for (int owner = p->home % r->shards; owner < r->ranks; owner += r->shards)
        if (owner != r->rank)
            PWF_MPI(MPI_Isend(r->values + p->lo, length_of(p), MPI_INT64_T, owner,
                              PWF_TAG_SUMS + index, r->mesh->comm[PWF_WORLD],
                              open_message(r, SEND_SUM, index)));
}

/* Sends or counts this rank's summands, once all its slots have been added. */
static void send_summands(pwf_reduction *r, int index)
{
    piece *p = &r->pieces[index];
    p->sent = true;
    if (p->home == r->rank)
        count_summand(r, index);
    else
        PWF_MPI(MPI_Isend(r->values + p->lo, length_of(p), MPI_INT64_T, p->home, index,
                          r->mesh->summands, open_message(r, SEND_SUMMANDS, index)));
}

/* Adds received summands, under the lock because threads of this rank may add to the same piece. */
static void add_received(pwf_reduction *r, int buffer, const MPI_Status *status)
{
    const int index = status->MPI_TAG;
    int count = 0;
    PWF_MPI(MPI_Get_count(status, MPI_INT64_T, &count));
    PWF_ASSERT(index < r->piece_count && r->pieces[index].home == r->rank &&
               count == length_of(&r->pieces[index]));
    const int64_t *from = r->buffers + buffer * r->length;
    int64_t *to = r->values + r->pieces[index].lo;
    pthread_mutex_lock(&r->lock[index % LOCKS]);
    for (int64_t i = 0; i < count; i++)
        to[i] += from[i];
    pthread_mutex_unlock(&r->lock[index % LOCKS]);
    pwf_mesh_count_bytes(r->mesh, PWF_WORLD, PWF_REDUCED, 8 * (int64_t)count);
    count_summand(r, index);
}

/* Handles a completed message. */
static void handle(pwf_reduction *r, message m, const MPI_Status *status)
{
    const piece *p = m.kind == RECV_SUMMANDS ? NULL : &r->pieces[m.index];
    pwf_watch_beat(); /* messages of a slow network are progress, too */
    switch (m.kind) {
    case RECV_SUMMANDS:
        add_received(r, m.index, status);
        post_receive(r, m.index);
        break;
    case SEND_SUMMANDS: /* the send buffer is free again: receive the sum into it */
        if (p->own)
            PWF_MPI(MPI_Irecv(r->values + p->lo, length_of(p), MPI_INT64_T, p->home,
                              PWF_TAG_SUMS + m.index, r->mesh->comm[PWF_WORLD],
                              open_message(r, RECV_SUM, m.index)));
        break;
    case RECV_SUM:
        pwf_mesh_count_bytes(r->mesh, PWF_REPLICA, PWF_REDUCED, 8 * (p->hi - p->lo));
        break;
    case SEND_SUM:
        break;
    }
}

/* Removes the `count` messages in `done` from those in flight, then handles them, which may open
 * new ones. */
static void handle_all(pwf_reduction *r, int count)
{
    int kept = 0;
    for (int i = 0; i < count; i++)
        r->ended[i] = r->messages[r->done[i]];
    for (int i = 0; i < r->open; i++) {
        if (r->requests[i] == MPI_REQUEST_NULL) continue;
        r->messages[kept] = r->messages[i];
        r->requests[kept++] = r->requests[i];
    }
    r->open = kept;
    for (int i = 0; i < count; i++)
        handle(r, r->ended[i], &r->statuses[i]);
}

/* Sends the pieces that the threads have completed since the last call. */
static void send_complete(pwf_reduction *r)
{
    while (r->seen < r->piece_count && r->complete[r->seen] != NONE)
        send_summands(r, r->complete[r->seen++]);
}

/* ---- begin, add, move, end ---- */

void pwf_reduction_begin(pwf_reduction *reduction, int64_t *values, int64_t times)
{
    PWF_ASSERT(reduction->values == NULL && values != NULL);
    reduction->values = values;
    reduction->seen = 0;
    atomic_store(&reduction->completed, 0);
    for (int i = 0; i < reduction->piece_count; i++) {
        piece *p = &reduction->pieces[i];
        p->sent = false;
        p->summands = 0;
        atomic_store(&p->incomplete, times * (p->hi - p->lo));
        atomic_store(&reduction->complete[i], NONE);
    }
    reduction->unposted = reduction->expected;
    for (int b = 0; reduction->ranks > 1 && b < BUFFERS; b++)
        post_receive(reduction, b);
}

/* The piece that holds an element, by bisection. */
static int piece_at(const pwf_reduction *r, int64_t element)
{
    int lo = 0, hi = r->piece_count; /* in [lo, hi) */
    while (hi - lo > 1) {
        const int middle = (lo + hi) / 2;
        if (r->pieces[middle].lo <= element)
            lo = middle;
        else
            hi = middle;
    }
    return lo;
}

/* Holds one lock at a time, so there is no lock order to keep. */
bool pwf_reduction_add(pwf_reduction *reduction, const float *gradient, int64_t lo, int64_t count)
{
    PWF_ASSERT(reduction->values != NULL && lo >= 0 && count >= 0);
    bool good = true;
    for (int i = piece_at(reduction, lo); count > 0; i++) {
        PWF_ASSERT(i < reduction->piece_count);
        piece *p = &reduction->pieces[i];
        const int64_t n = p->hi - lo < count ? p->hi - lo : count;
        pthread_mutex_lock(&reduction->lock[i % LOCKS]);
        good &= pwf_exact_add(reduction->values + lo, gradient, n);
        pthread_mutex_unlock(&reduction->lock[i % LOCKS]);
        /* The last addition to a piece hands it to the MPI thread. */
        if (atomic_fetch_sub(&p->incomplete, n) == n)
            atomic_store(&reduction->complete[atomic_fetch_add(&reduction->completed, 1)], i);
        gradient += n;
        lo += n;
        count -= n;
    }
    return good;
}

bool pwf_reduction_move(pwf_reduction *reduction)
{
    if (reduction->values == NULL || reduction->ranks == 1) return false;
    const double since = pwf_clock_seconds();
    const pwf_span span = pwf_trace_begin("move");
    const int seen = reduction->seen;
    int count = 0;
    send_complete(reduction);
    PWF_MPI(MPI_Testsome(reduction->open, reduction->requests, &count, reduction->done,
                         reduction->statuses));
    if (count > 0) handle_all(reduction, count);
    if (count > 0 || reduction->seen > seen)
        pwf_trace_end(span);
    else
        pwf_trace_drop(span);
    pwf_mesh_spent(reduction->mesh, since);
    return true;
}

void pwf_reduction_end(pwf_reduction *reduction)
{
    PWF_ASSERT(reduction->values != NULL);
    /* Pieces that a thread left incomplete after an error are sent as they are: the other ranks
     * wait for them. */
    for (int i = 0; reduction->ranks > 1 && i < reduction->piece_count; i++)
        if (!reduction->pieces[i].sent) send_summands(reduction, i);
    const double since = pwf_mesh_wait("sum");
    while (reduction->open > 0) {
        int count = 0;
        PWF_MPI(MPI_Waitsome(reduction->open, reduction->requests, &count, reduction->done,
                             reduction->statuses));
        handle_all(reduction, count);
    }
    pwf_mesh_met(reduction->mesh, since);
    reduction->values = NULL;
}
