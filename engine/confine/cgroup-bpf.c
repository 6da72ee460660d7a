/* SPDX-License-Identifier: Apache-2.0 */
/* The devices of a container on cgroup v2: a small BPF program, one comparison a row, replaced without a gap.
 * Source: bpf(2); the kernel's Documentation/admin-guide/cgroup-v2.rst, "Device controller". */
#include "engine/confine/cgroup-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "engine/base/auto.h"

#define MAX_ROWS 512
#define ROW_INSNS 16

static int sys_bpf(int cmd, union bpf_attr *attr)
{
	long r = syscall(SYS_bpf, cmd, attr, sizeof(*attr));

	return r < 0 ? -errno : (int)r;
}

static struct bpf_insn insn(uint8_t code, uint8_t dst, uint8_t src, int16_t off, int32_t imm)
{
	return (struct bpf_insn){.code = code, .dst_reg = dst, .src_reg = src, .off = off, .imm = imm};
}

/* r2 type, r3 wanted access, r4 major, r5 minor; each comparison that fails goes to the next row */
static size_t row(struct bpf_insn *p, const struct cgroup_device *d)
{
	size_t jumps[4], n_jumps = 0, n = 0;
	int allowed = 0;

	for (const char *a = d->access; *a; a++)
		allowed |= *a == 'r'   ? BPF_DEVCG_ACC_READ
			   : *a == 'w' ? BPF_DEVCG_ACC_WRITE
				       : BPF_DEVCG_ACC_MKNOD;
	jumps[n_jumps++] = n;
	p[n++] = insn(BPF_JMP | BPF_JNE | BPF_K, BPF_REG_2, 0, 0,
		      d->type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
	p[n++] = insn(BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_1, BPF_REG_3, 0, 0);
	p[n++] = insn(BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_1, 0, 0, ~allowed & 7);
	jumps[n_jumps++] = n;
	p[n++] = insn(BPF_JMP | BPF_JNE | BPF_K, BPF_REG_1, 0, 0, 0);
	if (d->major >= 0) {
		jumps[n_jumps++] = n;
		p[n++] = insn(BPF_JMP | BPF_JNE | BPF_K, BPF_REG_4, 0, 0, d->major);
	}
	if (d->minor >= 0) {
		jumps[n_jumps++] = n;
		p[n++] = insn(BPF_JMP | BPF_JNE | BPF_K, BPF_REG_5, 0, 0, d->minor);
	}
	p[n++] = insn(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 1);
	p[n++] = insn(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	for (size_t i = 0; i < n_jumps; i++)
		p[jumps[i]].off = (int16_t)(n - jumps[i] - 1);
	return n;
}

static int program_load(const struct cgroup_device *devices, size_t n_devices)
{
	AUTO(free) char *space = xcalloc(n_devices * ROW_INSNS + 8, sizeof(struct bpf_insn));
	struct bpf_insn *p = (struct bpf_insn *)(void *)space;
	union bpf_attr attr;
	size_t n = 0;

	p[n++] = insn(BPF_LDX | BPF_MEM | BPF_W, BPF_REG_2, BPF_REG_1, 0, 0);
	p[n++] = insn(BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_3, BPF_REG_2, 0, 0);
	p[n++] = insn(BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_2, 0, 0, 0xffff);
	p[n++] = insn(BPF_ALU64 | BPF_RSH | BPF_K, BPF_REG_3, 0, 0, 16);
	p[n++] = insn(BPF_LDX | BPF_MEM | BPF_W, BPF_REG_4, BPF_REG_1, 4, 0);
	p[n++] = insn(BPF_LDX | BPF_MEM | BPF_W, BPF_REG_5, BPF_REG_1, 8, 0);
	for (size_t i = 0; i < n_devices; i++)
		n += row(p + n, &devices[i]);
	p[n++] = insn(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 0);
	p[n++] = insn(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
	attr.insns = (uint64_t)(uintptr_t)p;
	attr.insn_cnt = (uint32_t)n;
	attr.license = (uint64_t)(uintptr_t) "GPL";
	return sys_bpf(BPF_PROG_LOAD, &attr);
}

bool cgroup2_can_devices(void)
{
	AUTO(fd) int prog = program_load(NULL, 0);

	return prog >= 0;
}

int cgroup2_set_devices(const char *dir, const struct cgroup_limits *l, struct err *err)
{
	AUTO(fd) int cg = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), prog = -EBADF;
	uint32_t old[8] = {0};
	union bpf_attr query, attr;
	int r;

	if (cg < 0)
		return err_set(err, errno, "%s can't be opened: %s", dir, strerror(errno));
	if (l->n_devices > MAX_ROWS)
		return err_set(err, E2BIG, "%zu device rules are too many, %d is the most", l->n_devices,
			       MAX_ROWS);
	prog = program_load(l->devices, l->n_devices);
	if (prog < 0)
		return err_set(err, EOPNOTSUPP, "the kernel takes no BPF program for devices: %s",
			       strerror(-prog));
	memset(&query, 0, sizeof(query));
	query.query.target_fd = (uint32_t)cg;
	query.query.attach_type = BPF_CGROUP_DEVICE;
	query.query.prog_ids = (uint64_t)(uintptr_t)old;
	query.query.prog_cnt = ARRAY_SIZE(old);
	r = sys_bpf(BPF_PROG_QUERY, &query);
	if (r < 0)
		return err_set(err, -r, "the BPF programs of %s can't be listed: %s", dir, strerror(-r));
	memset(&attr, 0, sizeof(attr));
	attr.target_fd = (uint32_t)cg;
	attr.attach_bpf_fd = (uint32_t)prog;
	attr.attach_type = BPF_CGROUP_DEVICE;
	attr.attach_flags = BPF_F_ALLOW_MULTI;
	r = sys_bpf(BPF_PROG_ATTACH, &attr);
	if (r < 0)
		return err_set(err, -r, "%s takes no BPF program for devices: %s", dir, strerror(-r));
	/* programs of one group are and-ed: until the old ones go, both must agree, so there is no gap */
	for (uint32_t i = 0; i < query.query.prog_cnt; i++) {
		AUTO(fd) int fd = -EBADF;

		memset(&attr, 0, sizeof(attr));
		attr.prog_id = old[i];
		fd = sys_bpf(BPF_PROG_GET_FD_BY_ID, &attr);
		if (fd < 0)
			continue; /* gone by itself */
		memset(&attr, 0, sizeof(attr));
		attr.target_fd = (uint32_t)cg;
		attr.attach_bpf_fd = (uint32_t)fd;
		attr.attach_type = BPF_CGROUP_DEVICE;
		r = sys_bpf(BPF_PROG_DETACH, &attr);
		if (r < 0)
			return err_set(err, -r, "%s keeps an old BPF program: %s", dir, strerror(-r));
	}
	return 0;
}
