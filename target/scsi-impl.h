/* SPDX-License-Identifier: MIT */
/*
 * scsi-impl.h - what the files of the SCSI side share: the objects from within, and what a
 * command's function says to the dispatcher
 */
#ifndef TARGET_SCSI_IMPL_H
#define TARGET_SCSI_IMPL_H

#include "buf.h"
#include "disk.h"
#include "lu.h"
#include "pool.h"
#include "scsi.h"

enum sense_key {
	NO_SENSE = 0x0,
	NOT_READY = 0x2,
	MEDIUM_ERROR = 0x3,
	HARDWARE_ERROR = 0x4,
	ILLEGAL_REQUEST = 0x5,
	UNIT_ATTENTION = 0x6,
	DATA_PROTECT = 0x7,
	COPY_ABORTED = 0xa,
	MISCOMPARE = 0xe,
};

/* Additional sense code and qualifier. */
enum asc {
	ASC_NONE = 0x0000,
	ASC_WRITE_ERROR = 0x0c00,
	ASC_UNREACHABLE_COPY_TARGET = 0x0804,
	ASC_READ_ERROR = 0x1100,
	ASC_LIST_LENGTH = 0x1a00,
	ASC_MISCOMPARE = 0x1d00,
	ASC_OPCODE = 0x2000,
	ASC_LBA_RANGE = 0x2100,
	ASC_CDB_FIELD = 0x2400,
	ASC_NO_LUN = 0x2500,
	ASC_LIST_FIELD = 0x2600,
	ASC_RELEASE = 0x2604, /* invalid release of persistent reservation */
	ASC_TOO_MANY_TARGETS = 0x2606,
	ASC_TARGET_TYPE = 0x2607,
	ASC_TOO_MANY_SEGMENTS = 0x2608,
	ASC_SEGMENT_TYPE = 0x2609,
	ASC_INLINE_DATA = 0x260b,
	ASC_WRITE_PROTECTED = 0x2700,
	ASC_NO_SPACE = 0x2707,
	ASC_SAVING = 0x3900,
	ASC_NO_MEDIUM = 0x3a00,
	ASC_TARGET_FAILURE = 0x4400,
	ASC_REMOVAL_PREVENTED = 0x5302,
	ASC_REGISTRATION_RESOURCES = 0x5504,
};

/* Unit attention conditions, the most important first; each a bit in nexus_lu.attention. */
enum attention {
	UA_POWER_ON,
	UA_LUN_RESET,
	UA_NEXUS_LOSS,
	UA_COMMANDS_CLEARED,
	UA_MODE_CHANGED,
	UA_RESERVATIONS_PREEMPTED,
	UA_RESERVATIONS_RELEASED,
	UA_REGISTRATIONS_PREEMPTED,
	UA_CAPACITY_CHANGED,
	UA_MEDIUM_CHANGED,
	UA_INQUIRY_CHANGED,
	UA_LUNS_CHANGED,
	UA_COUNT
};

/* One I_T nexus at one logical unit. */
struct nexus_lu {
	uint32_t attention; /* bits */
	bool prevents_removal;
};

struct nexus {
	struct scsi_device *dev;
	struct list entry; /* device->nexuses */
	char *initiator;
	uint8_t isid[6];
	uint16_t tpgt;
	struct nexus_lu *at; /* by lu->slot */
	unsigned int slots;
};

struct scsi_device {
	uv_loop_t *loop;
	char *name, *host;
	int tid;
	struct list nexuses;
	struct list tmfs;      /* those that wait for a worker */
	struct list strays;    /* begun tasks without a logical unit */
	struct lu **lus;       /* by number */
	unsigned int lu_count, slots;
};

struct mode_page { /* set by an administrator; replaces one of ours or adds to them */
	struct list entry;
	uint8_t page, subpage;
	uint16_t len;
	uint8_t data[];
};

struct lu {
	struct scsi_device *dev; /* NULL when the unit was removed */
	unsigned int refs;	 /* the device's, and one for each task in a worker */
	unsigned int slot;
	uint64_t lun;
	enum lu_type type;

	char *path, *backing;
	bool direct, sync;
	struct disk *disk; /* NULL: no medium */
	uint32_t block_size;
	unsigned int block_shift;
	uint64_t blocks;

	char *scsi_id, *scsi_sn; /* as set; NULL: our own */
	char shown_id[40], shown_sn[40];
	uint8_t naa[8];
	char unique[17]; /* naa as text */
	char vendor[9], product[17], revision[5];
	bool online, removable, readonly, thin;
	uint16_t lbppbe, lowest_aligned;
	uint16_t optimal_granularity; /* blocks */
	uint32_t optimal_transfer;    /* blocks */
	uint16_t rotation_rate;
	struct list mode_pages;
	bool write_through;		   /* no write cache, unless MODE SELECT says so */
	bool swp, d_sense, no_write_cache; /* what MODE SELECT changes */

	struct list tasks;   /* between begin and done */
	struct list waiting; /* submitted, in the order in which they will start */
	unsigned int workers; /* tasks in a worker */
	bool alone;	      /* one of them runs alone */

	const struct nexus *reserved_by; /* RESERVE(6) */
	struct reservations *reservations;

	struct lu_fault fault;
	struct lu_stats stats;
};

/* What the dispatcher does for a command before its function runs. */
enum command_flags {
	ANY_LUN = 1 << 0,	/* also where there is no logical unit */
	NO_ATTENTION = 1 << 1,	/* reports no unit attention, waits for no other command */
	CONTROLLER = 1 << 2,	/* also at the controller */
	MEDIUM = 1 << 3,	/* needs a medium that is ready */
	BLOCKS = 1 << 4,	/* names blocks: task->lba and task->blocks, checked */
	CHANGES_MEDIUM = 1 << 5, /* refused when write protected */
	ALONE = 1 << 6,		/* no other command of the unit runs meanwhile */
	READS = 1 << 7,		/* conflicts with another's exclusive access */
	WRITES = 1 << 8,	/* conflicts with another's exclusive or write exclusive access */
	UNRESERVED = 1 << 9,	/* does not conflict with RESERVE(6) */
	THIN = 1 << 10,		/* there on thin units only */
	REMOVABLE = 1 << 11,	/* there on removable units only */
};

/* Where a command says how much Data-Out it takes. */
enum data_out {
	OUT_NONE,
	OUT_BLOCKS,  /* the blocks that it names */
	OUT_TWICE,   /* COMPARE AND WRITE */
	OUT_PATTERN, /* WRITE SAME: one block, unless NDOB */
	OUT_BYTCHK,  /* VERIFY: nothing, the blocks or one block */
	OUT_LIST8,   /* a parameter list; its length in byte 4, bytes 7-8, 5-8, 10-13 */
	OUT_LIST16,
	OUT_LIST32_5,
	OUT_LIST32_10,
};

struct scsi_command {
	uint8_t opcode;
	int16_t action; /* service action, -1: none */
	uint16_t flags;
	enum data_out out;
	void (*run)(struct scsi_task *task);
	/* Bits that may be set, as REPORT SUPPORTED OPERATION CODES tells; others are refused. */
	uint8_t usage[SCSI_CDB_MAX];
};

extern const struct scsi_command scsi_commands[];
extern const unsigned int scsi_command_count;

/* The row for a CDB, or NULL; *ret_opcode_known says whether another service action is there. */
const struct scsi_command *scsi_command_find(const uint8_t *cdb, bool *ret_opcode_known);
unsigned int scsi_cdb_len(uint8_t opcode);
bool scsi_command_has_action(const struct scsi_command *command);
/* Whether this logical unit has the command. */
bool scsi_command_there(const struct scsi_command *command, const struct lu *lu);

/* Results. Each sets status and sense; the function of the command then returns. */
void task_sense(struct scsi_task *task, enum sense_key key, enum asc asc);
void task_sense_info(struct scsi_task *task, enum sense_key key, enum asc asc, uint64_t info);
void task_bad_cdb(struct scsi_task *task, unsigned int byte);	/* 24/00 with a field pointer */
void task_bad_list(struct scsi_task *task, unsigned int byte); /* 26/00 likewise */
/* errno of a disk operation, negative; 0 leaves the task as it is. */
void task_disk_error(struct scsi_task *task, int r, bool writing);
/* Sense data in the unit's format; returns the length. */
uint8_t sense_format(uint8_t *sense, bool descriptors, enum sense_key key, enum asc asc);

/* A cleared buffer of len bytes for Data-In; NULL after status BUSY: no memory. */
uint8_t *task_reply(struct scsi_task *task, size_t len);
/* len of them are the answer, of which the CDB allows `allowed`. */
void task_reply_len(struct scsi_task *task, size_t len, size_t allowed);

/*
 * Runs job now when it cannot wait (bytes to move in memory), else in a worker. A job may use the
 * task's CDB, Data-Out, buffer and results and the disk, nothing else.
 */
void task_defer(struct scsi_task *task, void (*job)(struct scsi_task *), uint64_t bytes);

/* Where and how much, for a job too: bytes from the start of the disk; whole blocks that came. */
uint64_t scsi_task_offset(const struct scsi_task *task);
uint32_t scsi_task_write_len(const struct scsi_task *task);
int scsi_task_fua(const struct scsi_task *task); /* DISK_FUA or 0 */
/* Bytes that the command names; false after a refusal: a transfer is bounded. */
bool scsi_task_bounded(struct scsi_task *task, uint32_t *ret);

void lu_unref(struct lu *lu);
bool lu_write_protected(const struct lu *lu);
void lu_reset(struct lu *lu); /* what a reset undoes: RESERVE(6), PREVENT, changed mode pages */
struct nexus_lu *nexus_at(struct nexus *nexus, const struct lu *lu);
/* Sets a unit attention for all nexuses but one (NULL: for all). */
void lu_attention(struct lu *lu, enum attention attention, const struct nexus *but);
struct lu *scsi_device_lu(const struct scsi_device *dev, const uint8_t lun[8]);
void scsi_lun_put(uint8_t out[8], uint64_t lun);
bool lu_removal_prevented(const struct lu *lu);
/* Ends the tasks of a unit that is going away. */
void lu_abort_all(struct lu *lu);
void lu_abort_nexus(struct lu *lu, const struct nexus *nexus); /* ends those of one nexus */
int lu_set_mode_page(struct lu *lu, const char *value);	       /* scsi-mode.c; "P:SP:LEN:b:b" */
/* scsi-reserve.c */
bool scsi_reserved_for_others(const struct scsi_task *task);
void reservations_free(struct reservations *r); /* NULL is fine */

enum {
	SCSI_COMPARE_WRITE_MAX = 128, /* blocks */
	SCSI_UNMAP_DESCRIPTORS = 256,
	SCSI_ATOMIC_MAX = 2048, /* blocks of one WRITE ATOMIC */
};

/* The command functions, by file. */
typedef void scsi_function(struct scsi_task *task);

scsi_function scsi_inquiry; /* scsi-inquiry.c */

/* scsi-primary.c */
scsi_function scsi_report_luns, scsi_test_unit_ready, scsi_request_sense, scsi_send_diagnostic;

/* scsi-opcodes.c */
scsi_function scsi_report_opcodes, scsi_report_tmf;

/* scsi-mode.c */
scsi_function scsi_mode_sense, scsi_mode_select, scsi_start_stop, scsi_prevent_removal;

/* scsi-reserve.c */
scsi_function scsi_reserve, scsi_release, scsi_read_keys, scsi_read_reservation,
	scsi_report_capabilities, scsi_read_full_status, scsi_register, scsi_register_ignore,
	scsi_persistent_reserve, scsi_persistent_release, scsi_persistent_clear, scsi_preempt,
	scsi_preempt_abort;

/* scsi-block.c */
scsi_function scsi_read_capacity_10, scsi_read_capacity_16, scsi_read, scsi_write,
	scsi_write_atomic, scsi_read_defects_10, scsi_read_defects_12;

/* scsi-verify.c */
scsi_function scsi_verify, scsi_write_verify, scsi_compare_write, scsi_orwrite, scsi_prefetch,
	scsi_synchronize_cache;

/* scsi-provision.c */
scsi_function scsi_write_same, scsi_unmap, scsi_get_lba_status;

#endif
