/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "agent_world.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/policy.h"
#include "core/image.h"

const char *world_samba_path = FAKE_SAMBA;

/* The namespace goes with the process. */
static bool enter_own_run(void)
{
    return geteuid() == 0 && unshare(CLONE_NEWNS) == 0 &&
           mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("tmpfs", "/run", "tmpfs", 0, "mode=755") == 0;
}

static void nothing(void)
{
}

bool world_begin(void)
{
    return world_run(nothing);
}

bool world_run(void (*scenario)(void))
{
    int status = 0;
    pid_t child;

    fflush(NULL);
    child = fork();
    if (child == 0) {
        if (!enter_own_run())
            _Exit(1);
        unsetenv("LD_PRELOAD");
        scenario();
        _Exit(0);
    }
    return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) &&
           WEXITSTATUS(status) == 0;
}

static void *symbol(void *library, const char *name)
{
    void *found = dlsym(library, name);

    if (!found)
        fprintf(stderr, "no %s: %s\n", name, dlerror());
    CHECK(found);
    return found;
}

static void set(void *field, void *function)
{
    memcpy(field, &function, sizeof(function));
}

void world_load_samba(struct world *world, const struct samba_layout *layout)
{
    struct samba_sizes sizes = layout->sizes;

    if (sizes.context == SAMBA_ANY_SIZE)
        sizes.context = 64;
    world->samba = dlopen(world_samba_path, RTLD_NOW | RTLD_LOCAL);
    if (!world->samba)
        fprintf(stderr, "%s\n", dlerror());
    CHECK(world->samba);
    set(&world->samba_init, symbol(world->samba, "fake_samba_init"));
    set(&world->request, symbol(world->samba, "fake_dcesrv_request"));
    set(&world->bind, symbol(world->samba, "fake_dcesrv_bind"));
    set(&world->alter, symbol(world->samba, "fake_dcesrv_alter"));
    world->errno_seen = symbol(world->samba, "fake_errno_seen");
    world->samba_init(&sizes);
}

void world_load_agent(struct world *world)
{
    world->agent = dlopen(AGENT, RTLD_NOW | RTLD_LOCAL);
    if (!world->agent)
        fprintf(stderr, "%s\n", dlerror());
    CHECK(world->agent);
    set(&world->attach, symbol(world->agent, "rpcfw_agent_attach"));
    set(&world->detach, symbol(world->agent, "rpcfw_agent_detach"));
    set(&world->init_module, symbol(world->agent, "samba_init_module"));
}

void world_load(struct world *world, const struct samba_layout *layout)
{
    world_load_samba(world, layout);
    world_load_agent(world);
}

static int open_directory(void)
{
    int directory = state_directory_open(true);

    CHECK(directory >= 0);
    return directory;
}

static uint64_t publish(const void *image, size_t size)
{
    int directory = open_directory();
    int lock = manager_lock(directory, 1000);
    struct state_mapping control;
    uint64_t generation = 0;

    CHECK(lock >= 0);
    CHECK(control_page_map(directory, true, &control) == 0);
    CHECK(policy_publish(directory, image, size, &generation) == 0);
    state_file_unmap(&control);
    close(lock);
    close(directory);
    return generation;
}

uint64_t world_publish(const char *text)
{
    size_t size = 0;
    struct policy *policy = policy_read("p", text, strlen(text), NULL);

    CHECK(policy && policy->diagnostics.errors == 0);
    struct policy_image *image = policy_compile(policy, &size);
    CHECK(image);
    uint64_t generation = publish(image, size);
    free(image);
    policy_free(policy);
    return generation;
}

void world_publish_rubbish(void)
{
    int directory = open_directory();
    struct state_mapping control;
    char name[32];
    char bytes[512] = {0};

    CHECK(control_page_map(directory, true, &control) == 0);
    struct control_page *page = control.bytes;
    uint64_t next = atomic_load(&page->generation) + 1;
    snprintf(name, sizeof(name), "policy-%lu", (unsigned long)next);
    CHECK(state_file_create(directory, name, 0600, sizeof(bytes), bytes, sizeof(bytes)) == 0);
    atomic_store(&page->generation, next);
    state_file_unmap(&control);
    close(directory);
}

void world_set_mode(enum control_mode mode)
{
    int directory = open_directory();
    int lock = manager_lock(directory, 1000);

    CHECK(lock >= 0);
    CHECK(control_set_mode(directory, mode) == 0);
    close(lock);
    close(directory);
}

static struct process_table *table_of_world(void)
{
    static struct state_mapping mapping;

    if (!mapping.bytes) {
        int directory = open_directory();
        CHECK(process_table_map(directory, &mapping) == 0);
        close(directory);
    }
    return mapping.bytes;
}

const struct process_table *world_table(void)
{
    return table_of_world();
}

void world_fill_table(void)
{
    struct process_table *table = table_of_world();

    for (uint32_t i = 0; i < PROCESS_TABLE_ENTRIES; i++) {
        if (atomic_load(&table->entries[i].pid) != 0)
            continue;
        table->entries[i].start_time = process_start_time(1);
        atomic_store(&table->entries[i].pid, 1);
    }
}

void world_free_one_entry(void)
{
    atomic_store(&table_of_world()->entries[PROCESS_TABLE_ENTRIES / 2].pid, 0);
}

const struct process_entry *world_entry(uint32_t pid)
{
    const struct process_table *table = table_of_world();
    const struct process_entry *found = NULL;
    for (uint32_t i = 0; i < PROCESS_TABLE_ENTRIES; i++) {
        if (atomic_load(&table->entries[i].pid) != pid)
            continue;
        CHECK(!found); /* one process has one entry */
        found = &table->entries[i];
    }
    return found;
}

const struct process_entry *world_own_entry(void)
{
    const struct process_entry *entry = world_entry((uint32_t)getpid());
    CHECK(entry);
    return entry;
}

static struct event_ring *ring(void)
{
    static struct state_mapping mapping;

    if (!mapping.bytes) {
        int directory = open_directory();
        CHECK(event_ring_map(directory, &mapping) == 0);
        close(directory);
    }
    return event_ring_of(&mapping);
}

void world_fill_ring(uint32_t left)
{
    struct ring_origin origin = {.pid = 1};
    struct event event;

    event_of_agent(&event, EVENT_POLICY_CHANGED, 1, 1, NULL);
    while (EVENT_RING_CAPACITY - event_ring_fill(ring()) > left)
        CHECK(event_ring_put(ring(), &origin, &event));
}

uint64_t world_lost_events(void)
{
    return event_ring_dropped(ring());
}

static bool take(struct event *event)
{
    struct ring_origin origin;

    if (!event_ring_look(ring(), 0, &origin, event))
        return false;
    event_ring_release(ring(), 1);
    return true;
}

bool world_next_event(enum event_kind kind, struct event *event)
{
    while (take(event)) {
        if (event->kind == kind)
            return true;
    }
    return false;
}

unsigned world_count_events(enum event_kind kind)
{
    struct event event;
    unsigned count = 0;

    while (world_next_event(kind, &event))
        count++;
    return count;
}
