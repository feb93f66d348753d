/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "samba/service/process_events.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* From the start of a datagram. */
#define PAYLOAD_OFFSET (NLMSG_HDRLEN + sizeof(struct cn_msg))

/* Forks and ends are hundreds a second on a busy host: they are not to wake anybody. A filter reads
 * numbers as the network has them. */
static int keep_exec_alone(int file)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, PAYLOAD_OFFSET + offsetof(struct proc_event, what)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(PROC_EVENT_EXEC), 1, 0),
        BPF_STMT(BPF_RET | BPF_K, 0),
        BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
    };
    struct sock_fprog program = {.len = sizeof(code) / sizeof(code[0]), .filter = code};
    return setsockopt(file, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

static int listen_to_kernel(int file)
{
    struct {
        struct nlmsghdr header;
        struct cn_msg message;
        uint32_t operation;
    } __attribute__((packed, aligned(NLMSG_ALIGNTO))) request;
    memset(&request, 0, sizeof(request));
    request.header.nlmsg_len = NLMSG_HDRLEN + sizeof(request.message) + sizeof(request.operation);
    request.header.nlmsg_type = NLMSG_DONE;
    request.message.id.idx = CN_IDX_PROC;
    request.message.id.val = CN_VAL_PROC;
    request.message.len = sizeof(request.operation);
    request.operation = PROC_CN_MCAST_LISTEN;
    return send(file, &request, request.header.nlmsg_len, 0) < 0 ? -1 : 0;
}

int process_events_open(void)
{
    struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = CN_IDX_PROC};
    int file = socket(PF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_CONNECTOR);
    if (file < 0)
        return -errno;
    if (keep_exec_alone(file) == 0 &&
        bind(file, (struct sockaddr *)&address, sizeof(address)) == 0 &&
        listen_to_kernel(file) == 0)
        return file;
    int error = errno;
    close(file);
    return -error;
}

pid_t process_events_next(int events)
{
    _Alignas(NLMSG_ALIGNTO) char bytes[1024];
    for (;;) {
        struct sockaddr_nl from = {.nl_pid = UINT32_MAX};
        socklen_t from_size = sizeof(from);
        ssize_t length =
            recvfrom(events, bytes, sizeof(bytes), 0, (struct sockaddr *)&from, &from_size);
        if (length < 0 && errno == EINTR)
            continue;
        if (length < 0)
            return errno == ENOBUFS ? -1 : 0;
        /* Nobody but the kernel is believed. */
        if (from.nl_pid != 0 || (size_t)length < PAYLOAD_OFFSET + sizeof(struct proc_event))
            continue;
        struct proc_event event;
        memcpy(&event, bytes + PAYLOAD_OFFSET, sizeof(event));
        if (event.what == PROC_EVENT_EXEC)
            return event.event_data.exec.process_tgid;
    }
}
