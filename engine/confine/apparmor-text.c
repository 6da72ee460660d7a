/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of a container and of a bridge's dnsmasq.
 *
 * A container may do what its files and capabilities allow, but for what stands here: files of the kernel
 * that are the whole host's, new file systems that aren't its own, processes that aren't in it. Masks, the
 * system call filter and ids stop the same by other means; a hole in one of them meets the other. */
#include "engine/confine/apparmor-text.h"

#include <errno.h>
#include <string.h>

#include "engine/base/auto.h"

/* The set of rule classes that is meant: a kernel or parser that knows more doesn't deny more. */
#define HEAD                                                                                                 \
	"abi <abi/3.0>,\n"                                                                                   \
	"profile \"%s\" flags=(attach_disconnected,mediate_deleted) {\n"

/* ---- all but some names */

/* Names that begin as names[0] does, up to @len. */
static size_t same_prefix(const char *const *names, size_t n, size_t len)
{
	size_t i = 1;

	while (i < n && !strncmp(names[i], names[0], len))
		i++;
	return i;
}

/* Names with a common prefix of @len: deny what goes on with none of their next characters. */
static void deny_siblings(struct buf *b, const char *dir, const char *const *names, size_t n, size_t len)
{
	bool is_end = !names[0][len];

	if (names[0][len] == '*')
		return;
	if (!is_end && len)
		buf_printf(b, "  deny %s/%.*s{,/**} wkl,\n", dir, (int)len, names[0]);
	buf_printf(b, "  deny %s/%.*s[^/", dir, (int)len, names[0]);
	for (size_t i = is_end; i < n; i += same_prefix(names + i, n - i, len + 1))
		buf_addc(b, names[i][len]);
	buf_adds(b, "]*{,/**} wkl,\n");
	for (size_t i = is_end; i < n;) {
		size_t same = same_prefix(names + i, n - i, len + 1);

		deny_siblings(b, dir, names + i, same, len + 1);
		i += same;
	}
}

void apparmor_deny_but(struct buf *b, const char *dir, const char *const *names, size_t n)
{
	if (n)
		deny_siblings(b, dir, names, n, 0);
	else
		buf_printf(b, "  deny %s/** wkl,\n", dir);
}

/* ---- a container */

/* What is its own of /proc/sys and /sys, by directory; all else there is the host's. */
static const struct {
	const char *dir;
	const char *own[8];
} kernel_dirs[] = {
    {"/proc/sys", {"fs", "kernel", "net", "user"}},
    {"/proc/sys/fs", {"mqueue"}},
    {"/proc/sys/kernel", {"domainname", "hostname", "msg*", "sem*", "shm*"}},
    {"/sys", {"devices", "fs"}},
    {"/sys/devices", {"virtual"}},
    {"/sys/devices/virtual", {"net"}},
    {"/sys/fs", {"cgroup"}},
};

static const char denied_files[] = "  deny /proc/sysrq-trigger rwkl,\n"
				   "  deny /proc/kcore rwkl,\n"
				   "  deny /proc/kmsg rwkl,\n"
				   "  deny /proc/mem rwkl,\n"
				   "  deny /proc/kmem rwkl,\n"
				   "  deny /proc/acpi/** rwkl,\n"
				   "  deny /proc/{bus,fs,irq,scsi}/** wkl,\n"
				   "  deny /dev/{kmem,mem,port} rwkl,\n"
				   "  deny /sys/firmware/** rwkl,\n"
				   "  deny /sys/fs/{bpf,pstore,selinux}/** rwkl,\n"
				   "  deny /sys/kernel/{config,debug,tracing}/** rwkl,\n"
				   /* a program that the host's root would run: CVE-2022-0492 */
				   "  deny /sys/fs/cgroup/**/release_agent wkl,\n"
				   "  deny /sys/fs/cgroup/release_agent wkl,\n";

static void add_kernel_files(const struct apparmor_profile *p, struct buf *b)
{
	for (size_t i = 0; i < ARRAY_SIZE(kernel_dirs); i++) {
		const char *names[ARRAY_SIZE(kernel_dirs[0].own) + 1];
		size_t n = 0;

		for (; n < ARRAY_SIZE(kernel_dirs[0].own) && kernel_dirs[i].own[n]; n++)
			names[n] = kernel_dirs[i].own[n];
		if (p->stacking && !strcmp(kernel_dirs[i].dir, "/sys"))
			names[n++] = "kernel";
		apparmor_deny_but(b, kernel_dirs[i].dir, names, n);
	}
	if (p->stacking) {
		apparmor_deny_but(b, "/sys/kernel", (const char *const[]){"security"}, 1);
		apparmor_deny_but(b, "/sys/kernel/security", (const char *const[]){"apparmor"}, 1);
	} else {
		buf_adds(b, "  deny /sys/kernel/security/** rwkl,\n");
	}
	buf_adds(b, denied_files);
}

/* Kinds that have nothing of the host in them. Others are as dangerous as what they show. */
#define OWN_TYPES "devpts,hugetlbfs,mqueue,ramfs,tmpfs"
/* Refused beyond that in privileged containers: parsers before 3.1.4 take a rule that allows mounts to be
 * made read-only for one that allows new ones of any kind, read-only (CVE-2016-1585). */
#define KERNEL_TYPES                                                                                         \
	"binfmt_misc,bpf,configfs,debugfs,devtmpfs,efivarfs,fusectl,nfsd,pstore,rpc_pipefs,securityfs,"      \
	"selinuxfs,smackfs,tracefs"

#define FLAGS "nosuid,nodev,noexec,noatime,nodiratime,relatime,strictatime,silent"

/* What is mounted already, elsewhere or otherwise. Masks are locked by the kernel, whatever stands here. */
static void add_old_mounts(const struct apparmor_profile *p, struct buf *b)
{
	static const char *const kinds[] = {"private", "shared", "slave", "unbindable"};

	/* the options are all that the kernel looks at: one more, and older parsers allow new mounts as well
	 */
	buf_adds(b, "  mount options=bind /{,**} -> /{,**},\n"
		    "  mount options=rbind /{,**} -> /{,**},\n"
		    "  mount options=move /{,**} -> /{,**},\n");
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		buf_printf(b, "  mount options=make-%s -> /{,**},\n  mount options=make-r%s -> /{,**},\n",
			   kinds[i], kinds[i]);
	if (p->privileged && !p->nesting)
		buf_adds(b, "  mount options=(ro,remount,bind) options in (" FLAGS ") -> /{,**},\n");
	else
		buf_adds(b, "  mount options in (ro,rw,remount,bind,rbind,suid,dev,exec,atime,diratime,"
			    "sync,async," FLAGS ") -> /{,**},\n");
}

static void add_mounts(const struct apparmor_profile *p, struct buf *b)
{
	buf_adds(b, "  umount,\n"
		    "  pivot_root,\n");
	/* in a user namespace the kernel itself refuses what isn't a container's own */
	if (p->nesting && !p->privileged) {
		buf_adds(b, "  mount,\n"
			    "  remount,\n");
		return;
	}
	buf_adds(b, "  mount fstype=(" OWN_TYPES "),\n"
		    "  mount fstype=(fuse,fuse.*),\n"
		    "  mount fstype=(cgroup,cgroup2) -> /sys/fs/cgroup/{,**},\n");
	if (p->nesting)
		buf_adds(b, "  mount fstype=(cgroup,cgroup2,overlay,proc,sysfs),\n");
	else if (p->privileged)
		buf_adds(b, "  deny mount fstype=(proc,sysfs),\n");
	else
		buf_adds(b, "  mount fstype=proc -> /proc/,\n"
			    "  mount fstype=sysfs -> /sys/,\n");
	if (p->privileged)
		buf_adds(b, "  deny mount fstype=(" KERNEL_TYPES "),\n");
	add_old_mounts(p, b);
}

static void add_processes(const struct apparmor_profile *p, struct buf *b)
{
	/* the host's signals and looks: who sends or traces must be allowed to as well */
	buf_adds(b, "  signal (receive),\n"
		    "  ptrace (readby, tracedby),\n");
	buf_printf(b, "  signal (send) peer=\"%s\",\n  ptrace (read, trace) peer=\"%s\",\n", p->name,
		   p->name);
	if (!p->stacking)
		return;
	buf_printf(b,
		   "  signal (send) peer=\"%s//&:%s:**\",\n"
		   "  ptrace (read, trace) peer=\"%s//&:%s:**\",\n"
		   "  signal (send) peer=\":%s:**\",\n"
		   "  ptrace (read, trace) peer=\":%s:**\",\n"
		   "  change_profile -> \":%s:*\",\n"
		   "  change_profile -> \":%s://*\",\n",
		   p->name, p->name, p->name, p->name, p->name, p->name, p->name, p->name);
}

void apparmor_text(const struct apparmor_profile *p, struct buf *b, unsigned *ret_raw_line)
{
	unsigned line = 1;

	buf_printf(b, HEAD, p->name);
	buf_adds(b, "  file,\n"
		    "  capability,\n"
		    "  network,\n"
		    "  unix,\n"
		    "  dbus,\n");
	add_processes(p, b);
	add_mounts(p, b);
	add_kernel_files(p, b);
	for (size_t i = 0; i < b->len; i++)
		line += b->ptr[i] == '\n';
	if (ret_raw_line)
		*ret_raw_line = line;
	if (p->raw)
		buf_printf(b, "%s\n", p->raw);
	buf_adds(b, "}\n");
}

/* ---- raw.apparmor */

int apparmor_raw_check(struct str raw, struct err *err)
{
	unsigned line = 1, depth = 0;
	bool quoted = false, remark = false;

	for (size_t i = 0; i < raw.len; i++) {
		char c = raw.ptr[i];

		if (c == '\n') {
			line++;
			remark = quoted = false;
		} else if (remark) {
			continue;
		} else if (c == '\\') {
			i += i + 1 < raw.len && raw.ptr[i + 1] != '\n';
		} else if (c == '"') {
			quoted = !quoted;
		} else if (c == '#' && !quoted) {
			remark = true;
		} else if (quoted) {
			continue;
		} else if (c == '{') {
			depth++;
		} else if (c == '}' && depth-- == 0) {
			return err_set(err, EINVAL,
				       "line %u: \"}\" closes what the rules didn't open: they are part of "
				       "one profile and can't end it",
				       line);
		}
	}
	if (depth)
		return err_set(err, EINVAL, "line %u: the rules end before \"{\" is closed by \"}\"", line);
	return 0;
}

/* ---- dnsmasq */

void apparmor_dnsmasq_text(const char *name, const char *program, const char *run_dir, const char *lease_dir,
			   struct buf *b)
{
	buf_printf(b, HEAD, name);
	buf_printf(
	    b,
	    "  capability chown,\n"
	    "  capability dac_override,\n"
	    "  capability net_admin,\n"
	    "  capability net_bind_service,\n"
	    "  capability net_raw,\n"
	    "  capability setgid,\n"
	    "  capability setuid,\n"
	    "  network inet,\n"
	    "  network inet6,\n"
	    "  network netlink raw,\n"
	    "  network packet,\n"
	    "  network unix,\n"
	    "  unix,\n"
	    "  signal (receive),\n"
	    "  signal (send) peer=\"%s\",\n"
	    "  ptrace (readby, tracedby),\n"
	    "  %s mr,\n"
	    "  /{,usr/}lib{,32,64}/** mr,\n"
	    "  /etc/{ld.so.*,passwd,group,nsswitch.conf,gai.conf,localtime,hosts,host.conf,resolv.conf,"
	    "services,protocols} r,\n"
	    "  /usr/share/{dnsmasq,dns,locale,zoneinfo}/** r,\n"
	    "  /run/systemd/userdb/ r,\n"
	    "  /run/systemd/resolve/*resolv.conf r,\n"
	    "  /run/{systemd/journal/dev-log,systemd/userdb/*} rw,\n"
	    "  /dev/{null,log,urandom} rw,\n"
	    "  /proc/[0-9]*/{fd/,net/*} r,\n"
	    "  /proc/sys/{net/ipv6/conf/*/mtu,kernel/*,vm/*} r,\n"
	    "  \"%s/dnsmasq.conf\" r,\n"
	    "  \"%s/dnsmasq.pid\" rw,\n"
	    "  \"%s/hosts/\" r,\n"
	    "  \"%s/hosts/*\" r,\n"
	    "  \"%s/names/\" r,\n"
	    "  \"%s/names/*\" r,\n"
	    "  \"%s/dnsmasq.leases\" rwk,\n"
	    "}\n",
	    name, program, run_dir, run_dir, run_dir, run_dir, run_dir, run_dir, lease_dir);
}
