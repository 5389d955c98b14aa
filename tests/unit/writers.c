/* SPDX-License-Identifier: MIT */
/*
 * Many writers at a time, writers that are stopped or killed anywhere, full disks: no update is
 * lost, nobody waits for another one's target, and a record is always the old one or the new one.
 * WRITERS=long in the environment is for the bench: the numbers are then those of the promises.
 */
#include "db.h"
#include "place.h"

#include "node-root.h"
#include "str.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/wait.h>

#define WRITERS 64
#define LOCKS "run/lock/iscsi"

static bool is_long(void)
{
	return str_eq(getenv("WRITERS"), "long");
}

static struct iscsi_node_id id_of(int i)
{
	static char targets[4][64];
	static int next;
	char *target = targets[next++ % 4];

	snprintf(target, sizeof(targets[0]), "iqn.2020-01.x:t%d", i);
	return (struct iscsi_node_id){target, "10.0.0.1", 3260, 1, "default"};
}

static int store_new(struct iscsi_db *d, const struct iscsi_node_id *id)
{
	struct iscsi_node *n;
	int r = iscsi_node_new(d, id, &n);

	if (r < 0)
		return r;
	r = iscsi_db_store(d, n);
	iscsi_node_free(n);
	return r;
}

static struct iscsi_db *open_own(void)
{
	struct iscsi_db *own;

	if (iscsi_db_open(root, &own) < 0)
		_exit(99);
	return own;
}

/* Every child has to end well. */
static void reap(int n)
{
	int status;

	for (int i = 0; i < n; i++) {
		ck_assert_int_gt(wait(&status), 0);
		ck_assert_msg(status == 0, "a writer ended with %x", (unsigned int)status);
	}
}

/* ---- no update is lost ---- */

/* Keys of the table for iscsi_db_update; more than those in the same way by hand. */
static const char *const keys[] = {"node.session.initial_cmdsn",
	"node.session.initial_login_retry_max", "node.session.xmit_thread_priority",
	"node.session.cmds_max", "node.session.queue_depth", "node.session.nr_sessions",
	"node.session.timeo.replacement_timeout", "node.session.err_timeo.abort_timeout",
	"node.session.err_timeo.lu_reset_timeout", "node.session.err_timeo.tgt_reset_timeout",
	"node.session.err_timeo.host_reset_timeout", "node.session.iscsi.FirstBurstLength",
	"node.session.iscsi.MaxBurstLength", "node.session.iscsi.DefaultTime2Retain",
	"node.session.iscsi.DefaultTime2Wait", "node.session.iscsi.MaxConnections",
	"node.session.iscsi.MaxOutstandingR2T", "node.session.iscsi.ERL", "node.session.reopen_max",
	"node.session.sess_reopen_log_freq", "node.conn[0].tcp.window_size",
	"node.conn[0].tcp.type_of_service", "node.conn[0].timeo.logout_timeout",
	"node.conn[0].timeo.login_timeout", "node.conn[0].timeo.auth_timeout",
	"node.conn[0].timeo.noop_out_interval", "node.conn[0].timeo.noop_out_timeout",
	"node.conn[0].iscsi.MaxXmitDataSegmentLength",
	"node.conn[0].iscsi.MaxRecvDataSegmentLength", "node.session.auth.username",
	"node.session.auth.username_in", "node.session.auth.password"};
#define N_KEYS (int)(sizeof(keys) / sizeof(keys[0]))

static int update_known(struct iscsi_db *own, const char *key, const char *value)
{
	const struct iscsi_node_id id = id_of(0);
	size_t bad;

	return iscsi_db_update(own, &id, &(struct iscsi_setting){key, value}, 1, &bad);
}

static int set_unknown(struct iscsi_db *own, const char *key, const char *value)
{
	const struct iscsi_node_id id = id_of(0);
	char line[128];
	struct iscsi_node *n;
	struct place place;
	int r = iscsi_db_load(own, &id, &n);

	if (r < 0)
		return r;
	snprintf(line, sizeof(line), "%s = %s\n", key, value);
	record_parse(&n->record, line, strlen(line), &(struct parse){.record = true});
	r = place_of(own, &id, &place);
	if (r == 0)
		r = commit_write(own, DB_NODES, place.file, &n->record, NULL);
	iscsi_node_free(n);
	return r;
}

static int update_unknown(struct iscsi_db *own, const char *key, const char *value)
{
	int r = commit_begin(own, id_of(0).target);

	return commit_end(own, r < 0 ? r : set_unknown(own, key, value));
}

static const char *key_of(int writer, char buf[static 32])
{
	if (writer < N_KEYS)
		return keys[writer];
	snprintf(buf, 32, "vendor.key%d", writer);
	return buf;
}

static void update_often(int writer, int updates)
{
	struct iscsi_db *own = open_own();
	char key[32], value[32];

	for (int i = 1; i <= updates; i++) {
		snprintf(value, sizeof(value), "%d", writer * 1000 + i);
		if ((writer < N_KEYS ? update_known : update_unknown)(
			    own, key_of(writer, key), value)) {
			fprintf(stderr, "update %d of %s: %s\n", i, key_of(writer, key),
				iscsi_db_error(own));
			_exit(1);
		}
	}
	iscsi_db_close(own);
	_exit(0);
}

START_TEST(no_update_of_one_record_is_lost)
{
	const struct iscsi_node_id id = id_of(0);
	const int updates = is_long() ? 100 : 10;
	char key[32], line[64], path[256];

	ck_assert_int_eq(store_new(db, &id), 0);
	for (int i = 0; i < WRITERS; i++)
		if (fork() == 0)
			update_often(i, updates);
	reap(WRITERS);
	snprintf(path, sizeof(path), "etc/iscsi/nodes/%s/10.0.0.1,3260,1/default", id.target);
	for (int i = 0; i < WRITERS; i++) {
		snprintf(line, sizeof(line), "\n%s = %d\n", key_of(i, key), i * 1000 + updates);
		ck_assert_msg(strstr(text_of(path), line) != NULL, "lost:%s", line);
	}
	ck_assert(!there(LOCKS "/lock.write"));
	ck_assert(!there("etc/iscsi/.new"));
}
END_TEST

/* ---- who adds takes nothing away ---- */

static int add_in_child(const struct iscsi_node_id *id)
{
	struct iscsi_db *own = open_own();
	struct iscsi_node *n;
	int r = iscsi_node_new(own, id, &n);

	return r < 0 ? r : iscsi_db_add(own, n);
}

START_TEST(one_of_many_adds_a_record)
{
	for (int round = 0; round < 20; round++) {
		const struct iscsi_node_id id = id_of(round);
		int added = 0, status;

		for (int i = 0; i < 16; i++)
			if (fork() == 0)
				_exit(-add_in_child(&id));
		for (int i = 0; i < 16; i++) {
			ck_assert_int_gt(wait(&status), 0);
			ck_assert(status == 0 || WEXITSTATUS(status) == EEXIST);
			added += status == 0;
		}
		ck_assert_int_eq(added, 1);
	}
}
END_TEST

static int add_at(const char *address, int tpgt, const char *iface)
{
	struct iscsi_node_id id = id_of(0);
	struct iscsi_node *n;
	int r;

	id.address = address;
	id.tpgt = tpgt;
	id.iface = iface;
	ck_assert_int_eq(iscsi_node_new(db, &id, &n), 0);
	r = iscsi_db_add(db, n);
	iscsi_node_free(n);
	return r;
}

START_TEST(what_is_there_already)
{
	ck_assert_int_eq(add_at("fd00::1", 1, "default"), 0);
	ck_assert_int_eq(add_at("fd00::1", 1, "default"), -EEXIST);
	ck_assert_int_eq(add_at("fd00:0::1", 1, "default"), -EEXIST);
	ck_assert_int_eq(add_at("fd00::1", 2, "default"), -EEXIST);
	ck_assert_int_eq(add_at("fd00::1", -1, "default"), -EEXIST);
	ck_assert_int_eq(add_at("fd00::2", 1, "default"), 0);
	ck_assert_int_eq(add_at("fd00::1", 1, "other"), 0);
	/* what is in the way of a link is no record */
	ck_assert_int_eq(
		mkdir(in_root("etc/iscsi/static/iqn.2020-01.x:t0,fd00::4,3260,1,default"), 0700), 0);
	ck_assert_int_eq(add_at("fd00::4", 1, "default"), -EISDIR);
	/* in a group, too */
	iscsi_db_group_begin(db);
	ck_assert_int_eq(add_at("fd00::3", 1, "default"), 0);
	ck_assert_int_eq(add_at("fd00::3", 1, "default"), -EEXIST);
	ck_assert_int_eq(iscsi_db_group_end(db), 0);
}
END_TEST

/* ---- nobody waits for another one's target ---- */

struct meeting { /* of processes */
	int there;
};

/* Takes the lock of its own target and keeps it until all have theirs. */
static void meet(struct meeting *m, int writer)
{
	struct iscsi_db *own = open_own();
	const struct iscsi_node_id id = id_of(writer);

	own->lock_wait_ms = 20000;
	if (commit_begin(own, id.target) < 0)
		_exit(1);
	__atomic_add_fetch(&m->there, 1, __ATOMIC_SEQ_CST);
	for (int i = 0; __atomic_load_n(&m->there, __ATOMIC_SEQ_CST) < WRITERS; i++) {
		if (i == 20000)
			_exit(2);
		usleep(1000);
	}
	if (commit_end(own, 0) < 0)
		_exit(3);
	iscsi_db_close(own);
	_exit(0);
}

START_TEST(writers_of_different_targets_write_at_the_same_time)
{
	struct meeting *m = mmap(NULL, sizeof(*m), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	ck_assert_ptr_ne(m, MAP_FAILED);
	for (int i = 0; i < WRITERS; i++)
		if (fork() == 0)
			meet(m, i);
	reap(WRITERS);
	ck_assert(!there(LOCKS "/lock.write"));
}
END_TEST

/* A process that is stopped while it holds the lock of id. */
static pid_t stopped_writer(const struct iscsi_node_id *id)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		if (commit_begin(open_own(), id->target) < 0)
			_exit(1);
		raise(SIGSTOP);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, WUNTRACED), pid);
	ck_assert(WIFSTOPPED(status));
	return pid;
}

static int count_one(void *data, const struct iscsi_node_id *id)
{
	(void)id;
	++*(int *)data;
	return 0;
}

START_TEST(a_stopped_writer_delays_its_own_target_only)
{
	const struct iscsi_node_id stopped = id_of(0), other = id_of(1);
	struct iscsi_node *n;
	int found = 0, status;
	pid_t pid;

	ck_assert_int_eq(store_new(db, &stopped), 0);
	pid = stopped_writer(&stopped);
	db->lock_wait_ms = 50;
	/* who reads does not wait, */
	ck_assert_int_eq(iscsi_db_load(db, &stopped, &n), 0);
	iscsi_node_free(n);
	ck_assert_int_eq(iscsi_db_each(db, NULL, count_one, &found), 0);
	ck_assert_int_eq(found, 1);
	/* nor who writes another, */
	ck_assert_int_eq(store_new(db, &other), 0);
	ck_assert_int_eq(iscsi_db_delete(db, &other), 0);
	/* and who wants this one is told, */
	ck_assert_int_eq(iscsi_db_delete(db, &stopped), -ETIMEDOUT);
	ck_assert_ptr_nonnull(strstr(iscsi_db_error(db), stopped.target));
	/* also in a group, which does the others */
	iscsi_db_group_begin(db);
	ck_assert_int_eq(store_new(db, &other), 0);
	ck_assert_int_eq(store_new(db, &stopped), -ETIMEDOUT);
	ck_assert_int_eq(iscsi_db_group_end(db), 0);
	ck_assert_int_eq(iscsi_db_delete(db, &other), 0);
	/* until its holder is dead */
	kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	db->lock_wait_ms = 0;
	ck_assert_int_eq(iscsi_db_delete(db, &stopped), 0);
	ck_assert(!there(LOCKS "/lock.write"));
}
END_TEST

static void count_error(void *data, const struct iscsi_node_id *id, int r, size_t bad)
{
	(void)id;
	(void)bad;
	*(int *)data += r == -ETIMEDOUT;
}

START_TEST(who_changes_all_changes_all_but_a_busy_one)
{
	enum { RECORDS = 500 };
	struct iscsi_node_id stopped;
	int busy = 0, changed = 0, status;
	const struct iscsi_change change = {
		.settings = &(struct iscsi_setting){"node.session.queue_depth", "99"},
		.n = 1,
		.told = count_error,
		.data = &busy,
	};
	pid_t pid;

	iscsi_db_group_begin(db);
	for (int i = 0; i < RECORDS; i++) {
		const struct iscsi_node_id id = id_of(i);

		ck_assert_int_eq(store_new(db, &id), 0);
	}
	ck_assert_int_eq(iscsi_db_group_end(db), 0);
	stopped = id_of(77);
	pid = stopped_writer(&stopped);
	db->lock_wait_ms = 50;
	ck_assert_int_eq(iscsi_db_change_each(db, NULL, &change), 0);
	ck_assert_int_eq(busy, 1);
	for (int i = 0; i < RECORDS; i++) {
		char path[256];

		snprintf(path, sizeof(path), "etc/iscsi/nodes/%s/10.0.0.1,3260,1/default",
			id_of(i).target);
		changed += strstr(text_of(path), "node.session.queue_depth = 99\n") != NULL;
	}
	ck_assert_int_eq(changed, RECORDS - 1);
	kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	busy = 0;
	ck_assert_int_eq(iscsi_db_change_each(db, NULL, &change), 0);
	ck_assert_int_eq(busy, 0);
	ck_assert(!there(LOCKS "/lock.write"));
}
END_TEST

/* Whether another process gets the lock of id without waiting. */
static bool can_be_locked(const struct iscsi_node_id *id)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		struct iscsi_db *own = open_own();

		own->lock_wait_ms = 0;
		_exit(commit_end(own, commit_begin(own, id->target)) ? 1 : 0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return status == 0;
}

START_TEST(a_span_of_names_is_locked_whole_or_name_by_name)
{
	const struct iscsi_node_id inside = id_of(1), outside = id_of(2);
	uint64_t byte = db_lock_byte(inside.target);
	pid_t pid;
	int status;

	ck_assert_uint_ne(byte, db_lock_byte(outside.target));
	/* all but the byte of outside */
	db->commit.span = byte < db_lock_byte(outside.target)
				  ? (struct lock_span){0, db_lock_byte(outside.target)}
				  : (struct lock_span){db_lock_byte(outside.target) + 1, byte};
	ck_assert_int_eq(commit_begin(db, inside.target), 0);
	ck_assert(!can_be_locked(&inside));
	ck_assert(can_be_locked(&outside));
	ck_assert_int_eq(commit_end(db, 0), 0);
	ck_assert(can_be_locked(&inside));
	/* a name outside of it is locked by itself */
	ck_assert_int_eq(commit_begin(db, outside.target), 0);
	ck_assert(can_be_locked(&inside));
	ck_assert(!can_be_locked(&outside));
	ck_assert_int_eq(commit_end(db, 0), 0);
	/* and where somebody has a name of it only what is wanted is locked */
	db->commit.span = (struct lock_span){0, (uint64_t)1 << 40};
	pid = stopped_writer(&outside);
	ck_assert_int_eq(commit_begin(db, inside.target), 0);
	ck_assert(!can_be_locked(&inside));
	for (int i = 3; i < 30; i++) {
		const struct iscsi_node_id other = id_of(i);

		ck_assert(can_be_locked(&other));
	}
	ck_assert_int_eq(commit_end(db, 0), 0);
	kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
}
END_TEST

/* A group goes on after a name that it did not get, with all that a writer has to hold. */
START_TEST(a_group_survives_a_busy_name)
{
	const struct iscsi_node_id id = id_of(0);
	struct flock all = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1 << 30};
	int fd;

	all.l_len <<= 10;
	ck_assert_int_eq(store_new(db, &id), 0);
	fd = open(in_root(LOCKS "/writer"), O_RDWR);
	ck_assert_int_eq(fcntl(fd, F_OFD_SETLK, &all), 0);
	db->lock_wait_ms = 20;
	iscsi_db_group_begin(db);
	ck_assert_int_eq(iscsi_db_delete(db, &id), -ETIMEDOUT);
	ck_assert(!there(LOCKS "/lock.write"));
	close(fd);
	ck_assert_int_eq(iscsi_db_delete(db, &id), 0);
	ck_assert(there(LOCKS "/lock.write"));
	ck_assert_int_eq(iscsi_db_group_end(db), 0);
	ck_assert(!there(LOCKS "/lock.write"));
}
END_TEST

/* ---- killed anywhere ---- */

#define TARGETS 5
#define SOURCE                                              \
	&(struct iscsi_source)                              \
	{                                                   \
		ISCSI_SOURCE_SENDTARGETS, "10.0.0.9", 3260  \
	}

static void update_all(struct iscsi_db *own, const char *value, bool group)
{
	const struct iscsi_setting both[] = {
		{"node.startup", value}, {"node.conn[0].startup", value}};
	size_t bad;

	if (group)
		iscsi_db_group_begin(own);
	for (int i = 0; i < TARGETS; i++) {
		const struct iscsi_node_id id = id_of(i);
		int r = iscsi_db_update(own, &id, both, 2, &bad);

		if (r && r != -ENOENT)
			_exit(2);
	}
	if (group && iscsi_db_group_end(own))
		_exit(3);
}

/* Finds some of the targets, so that records come and go. */
static void rediscover(struct iscsi_db *own, unsigned int which)
{
	struct iscsi_node *nodes[TARGETS];
	struct iscsi_discovery *d;
	size_t n = 0;

	if (iscsi_discovery_new(own, SOURCE, &d) || iscsi_discovery_store(own, d))
		_exit(4);
	iscsi_discovery_free(d);
	for (int i = 0; i < TARGETS; i++) {
		const struct iscsi_node_id id = id_of(i);

		if (which & 1U << i && iscsi_node_new(own, &id, &nodes[n++]))
			_exit(5);
	}
	if (iscsi_db_merge(own, SOURCE, nodes, n,
		    ISCSI_MERGE_NEW | ISCSI_MERGE_UPDATE | ISCSI_MERGE_DELETE, NULL, NULL))
		_exit(6);
	for (size_t i = 0; i < n; i++)
		iscsi_node_free(nodes[i]);
}

static void work_for_ever(unsigned int seed)
{
	struct iscsi_db *own = open_own();
	static const char *const values[] = {"manual", "automatic", "onboot"};

	own->lock_wait_ms = 100; /* what a dead one held is free at once */
	for (unsigned int i = seed;; i++) {
		rediscover(own, i * 7);
		update_all(own, values[i % 3], i & 1);
	}
}

struct check {
	int found;
};

static int check_whole(void *data, const struct iscsi_node_id *id)
{
	struct check *c = data;
	struct iscsi_node *n;
	char startup[16], link[512];
	int r = iscsi_db_load(db, id, &n);

	ck_assert_msg(r == 0, "%s: %d %s", id->target, r, iscsi_db_error(db));
	snprintf(startup, sizeof(startup), "%s", iscsi_node_get(n, "node.startup"));
	ck_assert_str_eq(iscsi_node_get(n, "node.conn[0].startup"), startup);
	iscsi_node_free(n);
	/* no record without its link: such a one would never be missed */
	snprintf(link, sizeof(link), "etc/iscsi/send_targets/10.0.0.9,3260/%s,10.0.0.1,3260,1,default",
		id->target);
	ck_assert_msg(there(link), "%s has no link", id->target);
	c->found++;
	return 0;
}

START_TEST(killed_anywhere)
{
	const int kills = is_long() ? 10000 : 300;
	struct check c = {0};
	int status;

	sweep_age_s = -1;
	srandom(1);
	for (int i = 0; i < kills; i++) {
		pid_t pid = fork();

		if (pid == 0)
			work_for_ever((unsigned int)i);
		/* on a slow machine the first record takes longer than any of these */
		usleep((useconds_t)(random() % (c.found ? 4000 : 4000 + 200 * i)));
		kill(pid, SIGKILL);
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		ck_assert_msg(WIFSIGNALED(status), "the writer ended with %d: %s",
			WEXITSTATUS(status), iscsi_db_error(db));
		ck_assert_int_eq(iscsi_db_each(db, NULL, check_whole, &c), 0);
		ck_assert_str_eq(warnings, "");
	}
	ck_assert_int_gt(c.found, 0);
	/* The next one finds no lock and leaves nothing of them. */
	db->lock_wait_ms = 100;
	ck_assert_int_eq(iscsi_discovery_delete(db, SOURCE), 0);
	ck_assert(!there(LOCKS "/lock.write"));
	ck_assert(!there("etc/iscsi/.new"));
	ck_assert(!there("etc/iscsi/send_targets/10.0.0.9,3260"));
	c.found = 0;
	ck_assert_int_eq(iscsi_db_each(db, NULL, count_one, &c.found), 0);
	ck_assert_int_eq(c.found, 0);
}
END_TEST

/* ---- writes that fail ---- */

static const struct iscsi_setting onboot = {"node.startup", "onboot"};

static const char *startup_of(const struct iscsi_node_id *id)
{
	static char value[16];
	struct iscsi_node *n;

	if (iscsi_db_load(db, id, &n) < 0)
		return "";
	snprintf(value, sizeof(value), "%s", iscsi_node_get(n, "node.startup"));
	iscsi_node_free(n);
	return value;
}

/* A disk that takes max bytes of a file, and then no more. */
START_TEST(a_write_that_fails_at_any_byte_leaves_the_old_record)
{
	const struct iscsi_node_id id = id_of(0);
	struct rlimit all, some;
	size_t bad;
	int r = -1;

	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &all), 0);
	some = all;
	ck_assert_int_eq(store_new(db, &id), 0);
	for (rlim_t max = 0; r < 0; max++) {
		some.rlim_cur = max;
		ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &some), 0);
		r = iscsi_db_update(db, &id, &onboot, 1, &bad);
		ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &all), 0);
		ck_assert_int_eq(r, r ? -EFBIG : 0);
		ck_assert_str_eq(startup_of(&id), r ? "manual" : "onboot");
		ck_assert(!there("etc/iscsi/.new"));
		ck_assert(max < 10000);
	}
}
END_TEST

/* A tmpfs of so many inodes and, page by page, no room: for mkdir, create, link and write. */
static void mount_small(unsigned int inodes, unsigned int flags)
{
	char options[64];

	snprintf(options, sizeof(options), "size=64k,nr_inodes=%u", inodes);
	ck_assert_msg(mount("tmpfs", root, "tmpfs", flags, options) == 0, "mount %s: %s", options,
		strerror(errno));
}

static void fill_up(bool full)
{
	static char page[4096];
	int fd;

	unlink(in_root("filler"));
	if (!full)
		return;
	fd = open(in_root("filler"), O_WRONLY | O_CREAT, 0600);
	while (write(fd, page, sizeof(page)) > 0)
		;
	close(fd);
}

static unsigned int inodes_used(void)
{
	struct statvfs v;

	ck_assert_int_eq(statvfs(root, &v), 0);
	return (unsigned int)(v.f_files - v.f_ffree);
}

static void enter_namespace(void)
{
	ck_assert_msg(unshare(CLONE_NEWNS | (geteuid() ? CLONE_NEWUSER : 0)) == 0, "unshare: %s",
		strerror(errno));
	mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL);
}

START_TEST(a_full_disk_leaves_the_old_record)
{
	const struct iscsi_node_id id = id_of(0), other = id_of(1);
	unsigned int failures = 0;
	size_t bad;

	enter_namespace();
	mount_small(100, 0);
	ck_assert_int_eq(store_new(db, &id), 0);
	fill_up(true);
	ck_assert_int_eq(iscsi_db_update(db, &id, &onboot, 1, &bad), -ENOSPC);
	ck_assert_ptr_nonnull(strstr(iscsi_db_error(db), "No space"));
	ck_assert_int_eq(store_new(db, &other), -ENOSPC);
	iscsi_db_group_begin(db);
	ck_assert_int_eq(iscsi_db_update(db, &id, &onboot, 1, &bad), -ENOSPC);
	ck_assert_int_eq(iscsi_db_group_end(db), 0);
	ck_assert_str_eq(startup_of(&id), "manual");
	ck_assert(!there("etc/iscsi/nodes/iqn.2020-01.x:t1"));
	ck_assert_int_eq(iscsi_db_delete(db, &id), 0);
	fill_up(false);
	/* With one inode more each time, another step is the one that fails. */
	for (unsigned int inodes = inodes_used();; inodes++) {
		mount_small(inodes, MS_REMOUNT);
		if (store_new(db, &id) == 0)
			break;
		ck_assert(!there("etc/iscsi/nodes/iqn.2020-01.x:t0"));
		ck_assert(!there("etc/iscsi/static/iqn.2020-01.x:t0,10.0.0.1,3260,1,default"));
		ck_assert(!there("etc/iscsi/.new"));
		ck_assert(!there(LOCKS "/lock.write"));
		failures++;
	}
	ck_assert_uint_gt(failures, 3);
	ck_assert_str_eq(startup_of(&id), "manual");
}
END_TEST

/* Nothing can be renamed into a directory of another file system. */
START_TEST(records_on_a_disk_of_their_own)
{
	const struct iscsi_node_id id = id_of(0);
	size_t bad;

	ck_assert_int_eq(store_new(db, &id), 0);
	ck_assert_int_eq(iscsi_db_delete(db, &id), 0);
	enter_namespace();
	ck_assert_int_eq(mount("tmpfs", in_root("etc/iscsi/nodes"), "tmpfs", 0, NULL), 0);
	ck_assert_int_eq(store_new(db, &id), 0);
	ck_assert_int_eq(iscsi_db_update(db, &id, &onboot, 1, &bad), 0);
	ck_assert_str_eq(startup_of(&id), "onboot");
	ck_assert(!there("etc/iscsi/.new"));
	ck_assert_int_eq(iscsi_db_delete(db, &id), 0);
	ck_assert(!there("etc/iscsi/nodes/iqn.2020-01.x:t0"));
	ck_assert_int_eq(umount(in_root("etc/iscsi/nodes")), 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {no_update_of_one_record_is_lost, one_of_many_adds_a_record,
		what_is_there_already, writers_of_different_targets_write_at_the_same_time,
		a_stopped_writer_delays_its_own_target_only,
		who_changes_all_changes_all_but_a_busy_one,
		a_span_of_names_is_locked_whole_or_name_by_name, a_group_survives_a_busy_name,
		killed_anywhere, records_on_a_disk_of_their_own,
		a_write_that_fails_at_any_byte_leaves_the_old_record,
		a_full_disk_leaves_the_old_record};

	return RUN_TESTS("writers", tests);
}
