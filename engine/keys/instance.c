/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of instances and of profiles: their config/. Class `host` is whatever could lead out of the instance.
 */
#include "engine/keys/keys.h"

#include <errno.h>

#include "engine/base/auto.h"
#include "engine/base/parse.h"
#include "engine/confine/apparmor.h"
#include "engine/confine/intercept.h"
#include "engine/confine/seccomp-rules.h"
#include "engine/instance/apply.h"
#include "engine/instance/idmap-raw.h"
#include "engine/instance/rlimits.h"

static const char *const hard_soft[] = {"hard", "soft", NULL};
static const char *const balanced[] = {"balanced", NULL};

#define NO_CLOUD_INIT                                                                                        \
	"can't be set yet: cloud-init in the instance would find no source for it; use a command below "     \
	"exec/, or an image that is set up already"
#define NO_SNAPSHOTS "can't be set yet: this release takes no snapshots"
static int check_limits_cpu(const struct key *key, struct str value, struct err *err)
{
	int count = -1;

	(void)key;
	if (!parse_cpus(value, NULL, &count) && count == 0)
		return err_set(err, ERANGE, "is \"0\": at least one CPU is wanted; CPU 0 alone is 0-0");
	return 0;
}

static int check_rules(struct str value, enum seccomp_syntax syntax, struct err *err)
{
	__attribute__((cleanup(seccomp_rules_done_auto))) struct seccomp_rules rules = {0};

	return seccomp_rules_parse(value, syntax, &rules, err);
}

static int check_deny(const struct key *key, struct str value, struct err *err)
{
	(void)key;
	return check_rules(value, SECCOMP_DENY, err);
}

static int check_allow(const struct key *key, struct str value, struct err *err)
{
	(void)key;
	return check_rules(value, SECCOMP_ALLOW, err);
}

static int check_policy(const struct key *key, struct str value, struct err *err)
{
	(void)key;
	return check_rules(value, SECCOMP_POLICY, err);
}

static int check_fs(const struct key *key, struct str value, struct err *err)
{
	AUTO(buf_done) struct buf names = BUF_NULL, escaped = BUF_NULL;
	struct str name;

	(void)key;
	while (str_next(&value, '\n', &name)) {
		if (intercept_fs_ok(name))
			continue;
		intercept_fs_names(&names);
		buf_escape(&escaped, name);
		return err_set(
		    err, EINVAL,
		    "has \"%s\": the kernel can be made to read a block device as %s; others would look "
		    "up on the host what they are given",
		    buf_cstr(&escaped), buf_cstr(&names));
	}
	return 0;
}

static int check_fuse(const struct key *key, struct str value, struct err *err)
{
	struct str line;

	(void)key;
	while (str_next(&value, '\n', &line)) {
		AUTO(free) char *program = intercept_fuse(line, NULL);
		AUTO(buf_done) struct buf escaped = BUF_NULL;

		if (program)
			continue;
		buf_escape(&escaped, line);
		return err_set(
		    err, EINVAL,
		    "has the line \"%s\": a file system, '=' and a program are wanted, such as ext4=fuse2fs",
		    buf_cstr(&escaped));
	}
	return 0;
}

static int check_apparmor(const struct key *key, struct str value, struct err *err)
{
	AUTO(free) char *raw = str_dup(value);
	struct apparmor_profile p = {.name = "instance", .raw = raw};
	int r;

	(void)key;
	r = apparmor_check(&p, err);
	return r == -ENOENT ? err_prefix(err, "can't be checked: ") : r;
}

static int check_rlimit(const struct key *key, struct str value, struct err *err)
{
	const size_t prefix = strlen("limits.kernel.");
	struct container_rlimit l;

	return rlimits_parse((struct str){key->name + prefix, strlen(key->name) - prefix}, value, &l, err);
}

#define LIMIT(id, what)                                                                                      \
	{                                                                                                    \
		.name = "limits.kernel." id, .type = &type_string, .live = LIVE_RESTART,                     \
		.def_text = "what the host's daemons have", .check = check_rlimit,                           \
		.text = what " A number, a size such as 64MiB or unlimited, or two of them as SOFT:HARD."    \
	}

static int check_raw_idmap(const struct key *key, struct str value, struct err *err)
{
	struct idmap map;

	(void)key;
	return idmap_raw_parse(value, &map, err);
}

static const struct key rows[] = {
    {.name = "boot.autostart",
     .type = &type_bool,
     .def_text = "what ran when the host went down starts again",
     .text = "Whether the instance starts when the daemon does. Unset, one that ran when the host went down "
	     "comes back, and one that was stopped stays so."},
    {.name = "boot.autostart.delay",
     .type = &type_integer,
     .def = "0",
     .max = 86400,
     .text = "Seconds to wait after this instance was started by boot.autostart before the next one is."},
    {.name = "boot.autostart.priority",
     .type = &type_integer,
     .def = "0",
     .min = -1000000,
     .max = 1000000,
     .text = "Order of automatic starts: the highest first."},
    {.name = "boot.host_shutdown_timeout",
     .type = &type_integer,
     .def = "30",
     .max = 86400,
     .text =
	 "Seconds that a clean stop may take, at the host's end and when `stopped` is written to `state`. "
	 "When they are over the instance is killed."},
    {.name = "boot.stop.priority",
     .type = &type_integer,
     .def = "0",
     .min = -1000000,
     .max = 1000000,
     .text = "Order of stops when all instances are stopped: the highest first."},
    {.name = "cloud-init.network-config",
     .type = &type_text,
     .def_text = "DHCP on eth0",
     .refuse = NO_CLOUD_INIT,
     .live = LIVE_RESTART,
     .text = "Network configuration that cloud-init finds in the instance, as YAML."},
    {.name = "cloud-init.ssh-keys.*",
     .type = &type_string,
     .refuse = NO_CLOUD_INIT,
     .live = LIVE_RESTART,
     .text = "A key for ssh that cloud-init adds to a user: USER:KEY."},
    {.name = "cloud-init.user-data",
     .type = &type_text,
     .def_text = "#cloud-config",
     .refuse = NO_CLOUD_INIT,
     .live = LIVE_RESTART,
     .text = "User data that cloud-init finds in the instance."},
    {.name = "cloud-init.vendor-data",
     .type = &type_text,
     .def_text = "#cloud-config",
     .refuse = NO_CLOUD_INIT,
     .live = LIVE_RESTART,
     .text = "Vendor data that cloud-init finds in the instance."},
    {.name = "environment.*",
     .type = &type_string,
     .text = "A variable in the environment of commands below exec/ and, from its next start on, of the "
	     "instance's init."},
    {.name = "limits.cpu",
     .type = &type_cpus,
     .def_text = "all CPUs of the host",
     .check = check_limits_cpu,
     .apply = instance_apply_cpu,
     .text =
	 "How many CPUs the instance has, or which: `2` is any two, chosen so that instances spread; "
	 "`0-1,4` is those, and `0-0` is the first alone. Programs inside may still count all CPUs of the "
	 "host."},
    {.name = "limits.cpu.allowance",
     .type = &type_allowance,
     .def = "100%",
     .apply = instance_apply_cpu,
     .text = "Share of the CPUs. `50%` counts only while others want them too; `25ms/100ms` is a hard limit: "
	     "so much time of one CPU in each period, also on an idle host, which makes for pauses where the "
	     "period is long."},
    {.name = "limits.cpu.nodes",
     .type = &type_cpus,
     .choices = balanced,
     .apply = instance_apply_cpu,
     .def_text = "all memory nodes of the host",
     .text =
	 "Which memory nodes (NUMA) the instance's memory comes from, such as 0 or 0-1, and its CPUs where "
	 "limits.cpu is a number or isn't set. `balanced` is one of them, which the fewest others are bound "
	 "to; it "
	 "keeps that while it runs."},
    {.name = "limits.cpu.priority",
     .type = &type_integer,
     .def = "10",
     .min = 0,
     .max = 10,
     .apply = instance_apply_cpu,
     .text = "Weight among instances that have the same allowance when CPUs are short: 10 is the most."},
    {.name = "limits.disk.priority",
     .type = &type_integer,
     .def = "5",
     .min = 0,
     .max = 10,
     .refuse = "can't be set yet: use of disks is not divided in this release",
     .text = "Weight among instances when disks are busy: 10 is the most."},
    LIMIT("as", "Bytes of address space of one process."),
    LIMIT("core", "Bytes of a core file."),
    LIMIT("cpu", "Seconds of CPU time of one process: then it gets SIGXCPU, at the hard limit SIGKILL."),
    LIMIT("data", "Bytes of one process's data and heap."),
    LIMIT("fsize", "Bytes of a file that a process writes."),
    LIMIT("locks", "Locks of files that one process holds; the kernel no longer looks at it."),
    LIMIT("memlock", "Bytes that one process keeps in memory with mlock(2)."),
    LIMIT("nice", "How far nice values may be lowered: 20 less the lowest."),
    LIMIT("nofile", "Descriptors that one process has open."),
    LIMIT("nproc", "Processes and threads of one user; limits.processes is the limit of the whole instance."),
    LIMIT("rss", "Bytes of one process in memory; the kernel no longer looks at it, limits.memory holds."),
    LIMIT("rtprio", "The highest real-time priority of a process."),
    LIMIT("sigpending", "Signals of one user that wait to be taken."),
    LIMIT("stack", "Bytes of one process's stack."),
    {.name = "limits.memory",
     .type = &type_percent_or_size,
     .def_text = "all memory of the host",
     .min = 1 << 20,
     .apply = instance_apply_memory,
     .text =
	 "Memory that all processes of the instance may use together, files in the page cache included. A "
	 "write that sets less than is in use, and can't be squeezed out, fails. Below a few MiB nothing "
	 "starts."},
    {.name = "limits.memory.enforce",
     .type = &type_choice,
     .def = "hard",
     .choices = hard_soft,
     .apply = instance_apply_memory,
     .text =
	 "`hard`: at limits.memory the instance's own processes are killed. `soft`: it may use more while "
	 "the host has memory to spare, and is slowed down when not."},
    {.name = "limits.memory.swap",
     .type = &type_bool,
     .def = "true",
     .apply = instance_apply_memory,
     .text = "Whether pages of the instance may go to the host's swap. Without, limits.memory is reached "
	     "sooner."},
    {.name = "limits.memory.swap.priority",
     .type = &type_integer,
     .def = "10",
     .min = 0,
     .max = 10,
     .refuse = "can't be set: the kernel has no such weight in cgroup v2; limits.memory.swap=false keeps an "
	       "instance out of swap",
     .text = "How reluctantly the instance's pages are put into swap: 10 is the most."},
    {.name = "limits.processes",
     .type = &type_integer,
     .def_text = "no limit",
     .min = 1,
     .max = 4194304,
     .apply = instance_apply_processes,
     .text =
	 "Processes and threads that may exist in the instance at one time. It stops a fork bomb; when it "
	 "is reached, fork fails inside with EAGAIN."},
    {.name = "linux.sysctl.*",
     .type = &type_string,
     .refuse = "can't be set: it isn't a setting that a container has of its own; those of net, user, "
	       "fs.mqueue, kernel.msg*, kernel.sem*, kernel.shm* and kernel.domainname are",
     .live = LIVE_RESTART,
     .text = "A kernel setting (sysctl) in the instance's own namespaces, for those names that have rows of "
	     "their own. What the host shares with its instances is not to be set from here."},
    {.name = "linux.sysctl.fs.mqueue.*",
     .type = &type_string,
     .live = LIVE_RESTART,
     .text = "Bounds of POSIX message queues in the instance."},
    {.name = "linux.sysctl.kernel.domainname",
     .type = &type_string,
     .live = LIVE_RESTART,
     .text = "The NIS domain name in the instance."},
    {.name = "linux.sysctl.kernel.msg*",
     .type = &type_string,
     .live = LIVE_RESTART,
     .text = "Bounds of System V message queues in the instance."},
    {.name = "linux.sysctl.kernel.sem*",
     .type = &type_string,
     .live = LIVE_RESTART,
     .text = "Bounds of System V semaphores in the instance."},
    {.name = "linux.sysctl.kernel.shm*",
     .type = &type_string,
     .live = LIVE_RESTART,
     .text = "Bounds of System V shared memory in the instance."},
    {.name = "linux.sysctl.net.*",
     .type = &type_string,
     .live = LIVE_RESTART,
     .text =
	 "Network settings of the instance, such as linux.sysctl.net.ipv4.ip_forward. One that the kernel "
	 "doesn't keep for each network namespace fails the start."},
    {.name = "linux.sysctl.user.*",
     .type = &type_string,
     .live = LIVE_RESTART,
     .text = "Bounds of namespaces and watches (inotify and the like) in the instance's user namespace."},
    {.name = "raw.apparmor",
     .type = &type_text,
     .class = CLASS_HOST,
     .live = LIVE_RESTART,
     .check = check_apparmor,
     .text = "Rules that are added to the instance's AppArmor profile. Rules that allow too much open the "
	     "host."},
    {.name = "raw.idmap",
     .type = &type_lines,
     .class = CLASS_HOST,
     .live = LIVE_RESTART,
     .check = check_raw_idmap,
     .text = "Single ids of the host that the instance has too, a line each: `both 1000 1000`, or `uid` or "
	     "`gid`, the host's first, ranges such as 1000-1009. What these ids own on the host the instance "
	     "owns. /etc/subuid and /etc/subgid must give them to root."},
    {.name = "raw.seccomp",
     .type = &type_text,
     .class = CLASS_HOST,
     .live = LIVE_RESTART,
     .check = check_policy,
     .text = "A whole policy for system calls, in LXC's form, in place of lxdfs' own: a line `2`, a line "
	     "`denylist` or `allowlist`, then a line a rule as in security.syscalls.deny, where `[x86_64]` "
	     "and the like begin rules of one architecture. It takes a layer of protection away."},
    {.name = "security.idmap.base",
     .type = &type_integer,
     .min = 65536,
     .max = 4294901760,
     .class = CLASS_HOST,
     .live = LIVE_RESTART,
     .def_text = "the lowest free range",
     .text = "First id on the host of an isolated instance's range. A range that overlaps another one is "
	     "refused."},
    {.name = "security.idmap.isolated",
     .type = &type_bool,
     .def = "false",
     .class = CLASS_HOST,
     .live = LIVE_RESTART,
     .text =
	 "Whether the instance has a range of ids of its own. Otherwise instances share one: whoever "
	 "escapes from one has the ids of all. Each isolated instance takes 65536 of the host's subordinate "
	 "ids."},
    {.name = "security.idmap.size",
     .type = &type_integer,
     .min = 65536,
     .max = 1000000000,
     .class = CLASS_HOST,
     .live = LIVE_RESTART,
     .def_text = "65536",
     .text = "How many ids an isolated instance has. More are needed where it holds users with high ids, or "
	     "instances of its own."},
    {.name = "security.nesting",
     .type = &type_bool,
     .def = "false",
     .class = CLASS_HOST,
     .live = LIVE_RESTART,
     .text = "Whether containers can run inside the instance (LXD, lxdfs, Docker, Podman). It leaves more of "
	     "the kernel within reach, such as mounts of proc and sysfs."},
    {.name = "security.privileged",
     .type = &type_bool,
     .def = "false",
     .class = CLASS_HOST,
     .live = LIVE_RESTART,
     .text = "Whether the instance's root is the host's root, without a user namespace. Only for instances "
	     "whose users are trusted as root on this host: such a container is no boundary against them."},
    {.name = "security.protection.delete",
     .type = &type_bool,
     .def = "false",
     .text =
	 "Whether deleting the instance is refused: against accidents, since its owner can take it back."},
    {.name = "security.protection.shift",
     .type = &type_bool,
     .def = "false",
     .text = "Whether the owners of the instance's files on disk may never be rewritten. With lxdfs they "
	     "never are: ids are mapped by the mount, so this always holds."},
    {.name = "security.protection.start",
     .type = &type_bool,
     .def = "false",
     .text = "Whether starting the instance is refused."},
    {.name = "security.syscalls.allow",
     .type = &type_lines,
     .class = CLASS_HOST,
     .live = LIVE_RESTART,
     .check = check_allow,
     .text = "System calls that the instance may make, a line each; every other kills its caller. They must "
	     "hold all that its programs need from their first step on, execve among it. Lines are those of "
	     "security.syscalls.deny, which can't be set besides."},
    {.name = "security.syscalls.deny",
     .type = &type_lines,
     .class = CLASS_HOST,
     .live = LIVE_RESTART,
     .check = check_deny,
     .text =
	 "System calls that are denied besides the list of security.syscalls.deny_default, a line each: "
	 "`NAME [errno N|kill|trap|allow] [[INDEX,VALUE,OP]...]`. `keyctl errno 38` fails as in a kernel "
	 "without it, a name alone kills the caller, `ioctl errno 25 [1,0x5412,==]` looks at an argument, "
	 "`allow` takes a call out of the default list."},
    {.name = "security.syscalls.deny_compat",
     .type = &type_bool,
     .def = "false",
     .class = CLASS_HOST,
     .live = LIVE_RESTART,
     .text = "Whether system calls of other architectures that the CPU also runs (32 bit, x32) are denied. "
	     "Programs built for these stop working."},
    {.name = "security.syscalls.deny_default",
     .type = &type_bool,
     .def = "true",
     .class = CLASS_HOST,
     .live = LIVE_RESTART,
     .text = "Whether lxdfs' own list of system calls is denied: those that load kernels and modules, open "
	     "files by handle, and the like. Switching it off takes a layer of protection away."},
    {.name = "security.syscalls.intercept.mknod",
     .type = &type_bool,
     .def = "false",
     .class = CLASS_HOST,
     .live = LIVE_RESTART,
     .text = "Whether the host makes harmless device nodes for the instance: null, zero, full, random, "
	     "urandom, tty, "
	     "console, and whiteouts of overlay file systems. What the instance can open is then counted one "
	     "by one "
	     "in its control group; a console of its own making opens nothing."},
    {.name = "security.syscalls.intercept.mount",
     .type = &type_bool,
     .def = "false",
     .class = CLASS_HOST,
     .live = LIVE_RESTART,
     .text = "Whether the host mounts file systems of .mount.allowed for the instance. The kernel then reads "
	     "an image that the instance has written: a bug in that file system is a way into the host. "
	     "Programs of .mount.fuse read it inside instead."},
    {.name = "security.syscalls.intercept.mount.allowed",
     .type = &type_names,
     .class = CLASS_HOST,
     .check = check_fs,
     .apply = instance_apply_mounts,
     .text =
	 "File systems that may be mounted, such as ext4: of those that live on one block device, which the "
	 "instance must have as a device. Device nodes in them don't work."},
    {.name = "security.syscalls.intercept.mount.fuse",
     .type = &type_lines,
     .class = CLASS_HOST,
     .check = check_fuse,
     .apply = instance_apply_mounts,
     .text = "FUSE programs in the instance that mount a file system instead of the kernel, a line each: "
	     "ext4=fuse2fs. They are called with source, target and `-o rw` or `-o ro`, and must go to the "
	     "background when the file system is there."},
    {.name = "security.syscalls.intercept.mount.shift",
     .type = &type_bool,
     .def = "false",
     .class = CLASS_HOST,
     .apply = instance_apply_mounts,
     .text = "Whether what is mounted so has its ids mapped to the instance's."},
    {.name = "security.syscalls.intercept.sched_setscheduler",
     .type = &type_bool,
     .def = "false",
     .class = CLASS_HOST,
     .live = LIVE_RESTART,
     .text = "Whether the instance's root may give its processes real-time priority, up to the hard limit of "
	     "limits.kernel.rtprio, or 99. It can then keep others from the CPU."},
    {.name = "security.syscalls.intercept.setxattr",
     .type = &type_bool,
     .def = "false",
     .class = CLASS_HOST,
     .live = LIVE_RESTART,
     .text = "Whether the host sets trusted.overlay.opaque for the instance, on directories of its own: what "
	     "is needed "
	     "to unpack layers of an overlay file system."},
    {.name = "security.syscalls.intercept.sysinfo",
     .type = &type_bool,
     .def = "false",
     .class = CLASS_HOST,
     .live = LIVE_RESTART,
     .text = "Whether sysinfo(2) in the instance tells of its limits instead of the host's memory."},
    {.name = "snapshots.expiry",
     .type = &type_expiry,
     .refuse = NO_SNAPSHOTS,
     .text = "How long a snapshot is kept."},
    {.name = "snapshots.pattern",
     .type = &type_string,
     .def = "snap%d",
     .refuse = NO_SNAPSHOTS,
     .text = "How snapshots are named that are taken without a name; %d is a number that counts up."},
    {.name = "user.*",
     .type = &type_text,
     .text = "Free for notes and for tools of your own. lxdfs keeps it and does nothing with it."},
    {.name = "user.network-config",
     .type = &type_text,
     .def_text = "DHCP on eth0",
     .refuse = NO_CLOUD_INIT,
     .live = LIVE_RESTART,
     .text = "The older name of cloud-init.network-config."},
    {.name = "user.user-data",
     .type = &type_text,
     .def_text = "#cloud-config",
     .refuse = NO_CLOUD_INIT,
     .live = LIVE_RESTART,
     .text = "The older name of cloud-init.user-data."},
    {.name = "user.vendor-data",
     .type = &type_text,
     .def_text = "#cloud-config",
     .refuse = NO_CLOUD_INIT,
     .live = LIVE_RESTART,
     .text = "The older name of cloud-init.vendor-data."},
    {.name = "volatile.*",
     .type = &type_text,
     .mode = 0440,
     .text =
	 "What the daemon remembers of the instance: its range of ids, addresses of its NICs, what it was "
	 "made from. Not to be set by hand."},
};

const struct key_table keys_instance = {
    .name = "instance",
    .text = "Keys in config/ of an instance, and of a profile for the instances that use it.",
    .keys = rows,
    .n = ARRAY_SIZE(rows),
};
