// SPDX-License-Identifier: MIT
/*
 * Process 1 of the test guest, a User-Mode Linux kernel; tests/lab/boot has the other side. It
 * starts on the host's own root directory, read-only, stacks the programs under test and a tmpfs on
 * it, so that nothing which the guest writes reaches the host, and runs /out/command.
 *
 *   LAB=DIR        links to host directories: out and src and, when programs are laid over, layer
 *   LAB_LIMIT=SEC  a command that runs longer ends in a report of the guest's state and status 124
 *
 * /src is the source tree (read-only), /out the only place on the host that can be written. Where
 * there is a script /out/init, it takes the place of process 1 (to become systemd, say); it is then
 * for the script to have /out/status written and the power switched off.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <net/if.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define MODULES "/usr/lib/uml/modules"
#define STATUS_LATE 124

static const char *const report[] = {"/bin/sh", "-c",
	"echo '=== time limit reached, the state of the guest:'\n"
	"ps -eo pid,ppid,stat,wchan:24,etimes,args | grep -v '\\]$'; ss -tnp; dmesg | tail -40\n"
	"echo '=== end'",
	NULL};

static volatile sig_atomic_t late;

static int put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	ssize_t done = write(fd, text, strlen(text));

	close(fd);
	return done == (ssize_t)strlen(text) ? 0 : -1;
}

__attribute__((noreturn)) static void power_off(void)
{
	int out = open("/out", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	/* neither sync nor a clean shutdown: both would wait for disks whose target is gone */
	syncfs(out);
	put("/proc/sysrq-trigger", "b");
	reboot(RB_POWER_OFF);
	_exit(1);
}

__attribute__((format(printf, 1, 2), noreturn)) static void die(const char *format, ...)
{
	int error = errno;
	va_list args;

	fprintf(stderr, "lab: ");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, ": %s\n", strerror(error));
	power_off();
}

static void write_file(const char *path, const char *text)
{
	if (put(path, text))
		die("%s", path);
}

static void mount_at(const char *type, const char *dir, unsigned long flags, const char *data)
{
	mkdir(dir, 0755);
	if (mount(type, dir, type, flags, data))
		die("mount %s at %s", type, dir);
}

static void link_to(const char *target, const char *path)
{
	if (symlink(target, path) && errno != EEXIST)
		die("%s", path);
}

/* Host path of a link in the box; empty when it is not there. */
static void box_path(char path[static PATH_MAX], const char *name)
{
	char link[PATH_MAX];

	snprintf(link, sizeof(link), "%s/%s", getenv("LAB"), name);
	if (!realpath(link, path))
		path[0] = 0;
}

static void load_overlay(const char *release)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), MODULES "/%s/kernel/fs/overlayfs/overlay.ko", release);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || (syscall(SYS_finit_module, fd, "", 0) && errno != EEXIST))
		die("%s", path);
	close(fd);
}

static void enter_root(const char *layer)
{
	mount_at("tmpfs", "/run", 0, "mode=755");
	if (layer[0])
		mount_at("hostfs", "/run/layer", MS_RDONLY, layer);
	mkdir("/run/upper", 0755);
	mkdir("/run/work", 0755);
	mount_at("overlay", "/run/root", MS_NOSUID,
		layer[0] ? "lowerdir=/run/layer:/,upperdir=/run/upper,workdir=/run/work"
			 : "lowerdir=/,upperdir=/run/upper,workdir=/run/work");
	if (chdir("/run/root"))
		die("/run/root");
	mkdir("run", 0755);
	mkdir("run/old", 0755);
	if (syscall(SYS_pivot_root, ".", "run/old") || chdir("/") ||
		umount2("/run/old", MNT_DETACH))
		die("pivot_root");
}

static void mount_system(void)
{
	mount_at("proc", "/proc", 0, NULL);
	mount_at("sysfs", "/sys", 0, NULL);
	/* the kernel's default is one process for each device event */
	write_file("/sys/kernel/uevent_helper", "\n");
	mount_at("devtmpfs", "/dev", 0, "mode=755");
	mount_at("devpts", "/dev/pts", 0, "gid=5,mode=620,ptmxmode=666");
	mount_at("tmpfs", "/dev/shm", 0, NULL);
	mount_at("tmpfs", "/run", MS_NOSUID | MS_NODEV, "mode=755");
	mkdir("/run/lock", 01777);
	link_to("/proc/self/fd", "/dev/fd");
	link_to("/proc/self/fd/0", "/dev/stdin");
	link_to("/proc/self/fd/1", "/dev/stdout");
	link_to("/proc/self/fd/2", "/dev/stderr");
}

static void loopback_up(void)
{
	struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING | IFF_LOOPBACK};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request))
		die("lo");
	close(fd);
}

static void set_up(void)
{
	char out[PATH_MAX], src[PATH_MAX], layer[PATH_MAX], path[PATH_MAX], modules[PATH_MAX];
	struct utsname uts;

	uname(&uts);
	umask(022);
	box_path(out, "out");
	box_path(src, "src");
	box_path(layer, "layer");
	load_overlay(uts.release);
	enter_root(layer);
	mount_system();
	mount_at("hostfs", "/out", 0, out);
	mount_at("hostfs", "/src", MS_RDONLY, src);
	mkdir("/lib/modules", 0755);
	snprintf(path, sizeof(path), "/lib/modules/%s", uts.release);
	snprintf(modules, sizeof(modules), MODULES "/%s", uts.release);
	link_to(modules, path);
	loopback_up();
	sethostname("lab", 3);
	write_file("/etc/hostname", "lab\n");
	write_file("/etc/hosts", "127.0.0.1 localhost lab\n::1 localhost\n");
	setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
	setenv("HOME", "/root", 1);
	setenv("LANG", "C.UTF-8", 1);
	setenv("TERM", "dumb", 1);
}

static pid_t start(const char *const args[], int output)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	setsid();
	dup2(open("/dev/null", O_RDONLY | O_CLOEXEC), 0);
	dup2(output, 1);
	dup2(output, 2);
	execv(args[0], (char **)args);
	die("%s", args[0]);
}

static void on_alarm(int number)
{
	(void)number;
	late = 1;
}

/* It repeats, so that one which comes just before a wait is not lost. */
static void set_limit(int seconds)
{
	struct itimerval timer = {.it_value.tv_sec = seconds, .it_interval.tv_sec = 1};

	setitimer(ITIMER_REAL, &timer, NULL);
}

/* Status of a child, or of nothing when the alarm comes first; adopts the orphans of the rest. */
static int wait_for(pid_t child)
{
	pid_t pid;
	int status;

	do {
		pid = wait(&status);
	} while (!late && pid != child && (pid > 0 || errno == EINTR));
	if (late)
		return STATUS_LATE;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void run(void)
{
	const char *command[] = {"/bin/bash", "/out/command", NULL};
	struct sigaction action = {.sa_handler = on_alarm};
	const char *limit = getenv("LAB_LIMIT");
	struct termios raw;
	char text[16];
	int tty, status;

	tty = open("/dev/ttyS0", O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (tty < 0 || tcgetattr(tty, &raw))
		die("/dev/ttyS0");
	cfmakeraw(&raw);
	tcsetattr(tty, TCSANOW, &raw);
	sigaction(SIGALRM, &action, NULL);
	set_limit(limit ? atoi(limit) : 0);
	status = wait_for(start(command, tty));
	if (late) {
		late = 0;
		set_limit(8);
		wait_for(start(report, tty));
		status = STATUS_LATE;
	}
	snprintf(text, sizeof(text), "%d\n", status);
	write_file("/out/status", text);
	tcdrain(tty);
}

int main(void)
{
	set_up();
	if (!access("/out/init", F_OK)) {
		execl("/bin/bash", "bash", "/out/init", NULL);
		die("/out/init");
	}
	run();
	power_off();
}
