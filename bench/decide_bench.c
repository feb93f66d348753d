/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decide_bench [RULES …]: what a decision costs, by the number of rules and by where the answer
 * lies, next to a linear scan of the same image; what compiling costs; that deciding allocates
 * nothing.
 *
 * Method: CALLS_PER_CASE distinct calls of a case are decided once, which warms the caches and
 * checks the answer against the scan's. Then each decision is timed by itself with the processor's
 * time-stamp counter, fenced on both sides, less what timing nothing takes: batches would be
 * cheaper to time, but where interrupts are frequent, as in virtual machines, one batch in a
 * hundred holds one, and p99 would be theirs. A call is read before its clock starts, for a host
 * has just written it; the image is as warm as the decisions before left it. Of ROUNDS rounds the
 * one with the least p99 counts, since other programs share the machine. "In a row" is the same
 * without fences: what a decision adds to a busy thread, whose processor works ahead. Facts are all
 * known beforehand: what a host pays to find them out is not measured here.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#if defined(__x86_64__)
#include <x86intrin.h>
#endif

#include "bench_policy.h"
#include "core/decide.h"
#include "core/policy.h"

#define CALLS_PER_CASE 1024u
#define SAMPLES        ((size_t)32 * CALLS_PER_CASE)
#define ROUNDS         3
#define ROW            16u
#define SCAN_SECONDS   0.15
#define GOAL_P50       50.0
#define GOAL_P99       100.0
#define GOAL_COMPILE   50.0 /* milliseconds for 10,000 rules */

/* ---- Counting the heap; the linker sends the program's calls here ---- */

static uint64_t allocations;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);

void *__wrap_malloc(size_t size)
{
    allocations++;
    return __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    allocations++;
    return __real_calloc(count, size);
}

void *__wrap_realloc(void *block, size_t size)
{
    allocations++;
    return __real_realloc(block, size);
}

/* ---- Time ---- */

static double nanoseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* Ticks; what went before is done when it is read, and what follows has not begun. */
static inline uint64_t ticks(void)
{
#if defined(__x86_64__)
    _mm_lfence();
    uint64_t now = __rdtsc();
    _mm_lfence();
    return now;
#else
    return (uint64_t)nanoseconds();
#endif
}

static double ticks_per_nanosecond(void)
{
    double start = nanoseconds();
    uint64_t first = ticks();
    while (nanoseconds() - start < 5e7) {
    }
    return (double)(ticks() - first) / (nanoseconds() - start);
}

static int order_doubles(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return x < y ? -1 : x > y;
}

struct percentiles {
    double p50;
    double p99;
};

static struct percentiles percentiles_of(double *samples, size_t count)
{
    qsort(samples, count, sizeof(*samples), order_doubles);
    return (struct percentiles){samples[count / 2], samples[count * 99 / 100]};
}

/* What timing costs by itself, in ticks. */
static double empty_sample(void)
{
    static double samples[10001];
    const size_t count = sizeof(samples) / sizeof(samples[0]);
    for (size_t i = 0; i < count; i++) {
        uint64_t start = ticks();
        samples[i] = (double)(ticks() - start);
    }
    return percentiles_of(samples, count).p50;
}

/* ---- Deciding ---- */

/* The first rule that holds, one after the other: what the index and the tables save. */
static uint32_t scan(const struct policy_image *image, struct call *call)
{
    for (uint32_t i = 0; i < image->rules.count; i++) {
        uint32_t failed;
        if (decide_rule(image, i, call, &failed) == MATCH_YES) {
            return i;
        }
    }
    return VERDICT_NO_RULE;
}

struct bench {
    struct bench_call calls[CALLS_PER_CASE];
    double samples[SAMPLES];
    double empty; /* ticks of a sample of nothing */
    double rate;  /* ticks per nanosecond */
    uint64_t allocated_deciding;
    bool wrong;
    bool missed;
};

/* So that the compiler cannot leave the decisions out. */
static volatile uint32_t sink;

/* Reads what decide() will read of the call. */
static uint32_t touch(const struct bench_call *call)
{
    const unsigned char *bytes = (const unsigned char *)call;
    uint32_t sum = 0;
    for (size_t at = 0; at < sizeof(*call); at += 32) {
        sum += bytes[at];
    }
    return sum;
}

static struct percentiles time_round(struct bench *bench, const struct policy_image *image)
{
    for (uint32_t i = 0; i < SAMPLES; i++) {
        struct bench_call *call = &bench->calls[i % CALLS_PER_CASE];
        sink = touch(call);
        uint64_t start = ticks();
        sink = decide(image, &call->call).rule;
        bench->samples[i] = ((double)(ticks() - start) - bench->empty) / bench->rate;
    }
    return percentiles_of(bench->samples, SAMPLES);
}

static struct percentiles time_decide(struct bench *bench, const struct policy_image *image)
{
    uint64_t before = allocations;
    struct percentiles best = time_round(bench, image);
    for (int i = 1; i < ROUNDS; i++) {
        struct percentiles next = time_round(bench, image);
        best = next.p99 < best.p99 ? next : best;
    }
    bench->allocated_deciding += allocations - before;
    return best;
}

/* The median time of a decision among ROW in a row. */
static double time_row(struct bench *bench, const struct policy_image *image)
{
    for (uint32_t i = 0; i < SAMPLES / ROW; i++) {
        struct bench_call *calls = &bench->calls[i * ROW % CALLS_PER_CASE];
        uint32_t sum = 0;
        for (uint32_t k = 0; k < ROW; k++) {
            sum += touch(&calls[k]);
        }
        uint64_t start = ticks();
        for (uint32_t k = 0; k < ROW; k++) {
            sum += decide(image, &calls[k].call).rule;
        }
        bench->samples[i] = ((double)(ticks() - start) - bench->empty) / bench->rate / ROW;
        sink = sum;
    }
    return percentiles_of(bench->samples, SAMPLES / ROW).p50;
}

/* As many calls as SCAN_SECONDS allow, three at least. */
static double time_scan(struct bench *bench, const struct policy_image *image)
{
    double end = nanoseconds() + SCAN_SECONDS * 1e9;
    uint32_t count = 0;
    while (count < 3 || (count < SAMPLES && nanoseconds() < end)) {
        struct bench_call *call = &bench->calls[count % CALLS_PER_CASE];
        sink = touch(call);
        uint64_t start = ticks();
        sink = scan(image, &call->call);
        bench->samples[count++] = ((double)(ticks() - start) - bench->empty) / bench->rate;
    }
    return percentiles_of(bench->samples, count).p50;
}

/* Warms the caches; the scan is too slow to check all calls of a large policy. */
static void check_answers(struct bench *bench, const struct policy_image *image)
{
    uint32_t checked = 2000000 / (image->rules.count + 1) + 3;
    for (uint32_t i = 0; i < CALLS_PER_CASE; i++) {
        uint32_t rule = decide(image, &bench->calls[i].call).rule;
        if (i < checked && rule != scan(image, &bench->calls[i].call)) {
            bench->wrong = true;
        }
    }
}

static void run_case(struct bench *bench, const struct policy_image *image,
                     const struct bench_shape *shape, enum bench_aim aim)
{
    static const char *const names[] = {"first rule", "last rule", "any rule", "no rule"};
    for (uint32_t i = 0; i < CALLS_PER_CASE; i++) {
        bench_call_make(&bench->calls[i], shape, image->rules.count, aim, i);
    }
    check_answers(bench, image);
    struct percentiles decided = time_decide(bench, image);
    double in_row = time_row(bench, image);
    double scanned = time_scan(bench, image);
    bool missed = !shape->asks_sids && (decided.p50 > GOAL_P50 || decided.p99 > GOAL_P99);
    bench->missed |= missed;
    printf("%-10s %8" PRIu32 "  %-10s %8.1f %8.1f %9.1f %13.1f %9.1f%s\n", shape->name,
           image->rules.count, names[aim], decided.p50, decided.p99, in_row, scanned,
           scanned / (decided.p50 > 0.1 ? decided.p50 : 0.1), missed ? "  over the goal" : "");
}

/* ---- Policies ---- */

struct compiled {
    struct policy_image *image;
    size_t size;
    double read_ms;
    double compile_ms;
};

/* The best of three: the first pays for fresh memory. */
static bool compile(const struct bench_shape *shape, uint32_t rules, struct compiled *out)
{
    struct bench_text text = bench_policy_text(shape, rules);
    *out = (struct compiled){.read_ms = 1e9, .compile_ms = 1e9};
    for (int round = 0; round < 3; round++) {
        double start = nanoseconds();
        struct policy *policy = policy_read("bench", text.bytes, text.length, NULL);
        double read = nanoseconds();
        bool good = policy && policy->diagnostics.errors == 0;
        free(out->image);
        out->image = good ? policy_compile(policy, &out->size) : NULL;
        double compiled = nanoseconds();
        policy_free(policy);
        if (!out->image || image_validate(out->image, out->size) != IMAGE_OK) {
            fprintf(stderr, "decide_bench: the policy %s is refused\n", shape->name);
            free(text.bytes);
            return false;
        }
        out->read_ms = (read - start) / 1e6 < out->read_ms ? (read - start) / 1e6 : out->read_ms;
        out->compile_ms =
            (compiled - read) / 1e6 < out->compile_ms ? (compiled - read) / 1e6 : out->compile_ms;
    }
    free(text.bytes);
    return true;
}

static bool bench_compiling(const uint32_t *sizes, size_t count)
{
    printf("\n%-10s %8s %10s %12s %12s\n", "shape", "rules", "read ms", "compile ms",
           "image bytes");
    for (size_t s = 0; s < BENCH_SHAPES; s++) {
        for (size_t i = 0; i < count; i++) {
            struct compiled compiled;
            if (!compile(&bench_shapes[s], sizes[i], &compiled)) {
                return false;
            }
            bool over = sizes[i] == 10000 && compiled.read_ms + compiled.compile_ms > GOAL_COMPILE;
            printf("%-10s %8" PRIu32 " %10.2f %12.2f %12zu%s\n", bench_shapes[s].name, sizes[i],
                   compiled.read_ms, compiled.compile_ms, compiled.size,
                   over ? "  over the goal" : "");
            free(compiled.image);
        }
    }
    printf("goal: 10,000 rules read and compiled in %.0f ms\n", GOAL_COMPILE);
    return true;
}

static bool bench_deciding(struct bench *bench, const uint32_t *sizes, size_t count)
{
    printf("%-10s %8s  %-10s %8s %8s %9s %13s %9s\n", "shape", "rules", "answer", "p50 ns",
           "p99 ns", "in a row", "scan p50 ns", "times");
    for (size_t s = 0; s < BENCH_SHAPES; s++) {
        for (size_t i = 0; i < count; i++) {
            struct compiled compiled;
            if (!compile(&bench_shapes[s], sizes[i], &compiled)) {
                return false;
            }
            for (int aim = 0; aim < BENCH_AIMS; aim++) {
                run_case(bench, compiled.image, &bench_shapes[s], (enum bench_aim)aim);
            }
            free(compiled.image);
        }
    }
    printf("goals: p50 %.0f ns, p99 %.0f ns, without SIDs: %s\n", GOAL_P50, GOAL_P99,
           bench->missed ? "missed where marked" : "met");
    printf("allocations while deciding: %" PRIu64 "\n", bench->allocated_deciding);
    return true;
}

int main(int argc, char **argv)
{
    static const uint32_t usual[] = {1, 100, 1000, 10000, 100000};
    uint32_t sizes[16];
    size_t count = 0;
    for (int i = 1; i < argc && count < sizeof(sizes) / sizeof(sizes[0]); i++) {
        unsigned long size = strtoul(argv[i], NULL, 10);
        if (!size || size > POLICY_RULES_MAX) {
            fprintf(stderr, "usage: decide_bench [RULES …]\n");
            return 2;
        }
        sizes[count++] = (uint32_t)size;
    }
    if (!count) {
        memcpy(sizes, usual, sizeof(usual));
        count = sizeof(usual) / sizeof(usual[0]);
    }
    struct bench *bench = calloc(1, sizeof(*bench));
    if (!bench) {
        return 2;
    }
    bench->rate = ticks_per_nanosecond();
    bench->empty = empty_sample();
    bool good = allocations > 0 && bench_deciding(bench, sizes, count) &&
                bench_compiling(sizes, count) && !bench->wrong && !bench->allocated_deciding;
    if (bench->wrong) {
        printf("decide() and the scan disagree\n");
    }
    free(bench);
    return good ? 0 : 1;
}
