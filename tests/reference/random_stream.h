/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random numbers that are the same everywhere for the same seed: a failure can be repeated from the
 * seed that a test printed. SplitMix64; for tests and benchmarks only.
 */
#ifndef RPCFW_TESTS_RANDOM_STREAM_H
#define RPCFW_TESTS_RANDOM_STREAM_H

#include <stdbool.h>
#include <stdint.h>

struct random_stream {
    uint64_t state;
};

static inline uint64_t random_bits(struct random_stream *stream)
{
    uint64_t z = stream->state += 0x9e3779b97f4a7c15ULL;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
    return z ^ z >> 31;
}

/* 0 to limit - 1; limit is not 0. */
static inline uint32_t random_below(struct random_stream *stream, uint32_t limit)
{
    return (uint32_t)((random_bits(stream) >> 32) * limit >> 32);
}

/* True in `percent` of 100 cases. */
static inline bool random_chance(struct random_stream *stream, uint32_t percent)
{
    return random_below(stream, 100) < percent;
}

#endif
