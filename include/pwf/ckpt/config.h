/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_CKPT_CONFIG_H
#define PWF_CKPT_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

/** The group `checkpoint` of the configuration. docs/reference/options.md describes each key. */

typedef enum pwf_ckpt_writer {
    PWF_CKPT_PWRITE, /* each rank writes its part at its offsets, with pwrite */
    PWF_CKPT_MPIIO   /* parallel HDF5, independent transfers */
} pwf_ckpt_writer;

typedef struct pwf_checkpoint_config {
    int64_t every;        /* steps; 0: only at the end of phases and rounds */
    double minutes;       /* 0: not by the clock */
    double failure_hours; /* mean time between failures; 0: unknown */
    int64_t keep;         /* files */
    int64_t keep_every;   /* steps; 0: none */
    pwf_ckpt_writer writer;
    bool async;         /* written in a thread while training continues */
    int64_t stop_after; /* steps of this process; 0: no limit */
    double max_time;    /* minutes of this process; 0: no limit */
} pwf_checkpoint_config;

#endif
