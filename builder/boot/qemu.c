#include "boot/qemu.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "boot/instance.h"

/* What QEMU keeps of a guestfwd (net/slirp.c). */
#define GUESTFWD_MAX 1023

struct line {
	struct arena *arena;
	const char **argv;
	size_t count;
	size_t cap;
	bool failed;
	struct err err;
};

static void add(struct line *l, const char *text)
{
	if (l->failed)
		return;
	const char **slot =
		arena_push(l->arena, &l->argv, &l->count, &l->cap, sizeof(*slot), &l->err);
	if (slot == NULL)
		l->failed = true;
	else
		*slot = text;
}

static void add_printf(struct line *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void add_printf(struct line *l, const char *fmt, ...)
{
	char text[2048];
	va_list args;
	va_start(args, fmt);
	int n = vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	const char *copy = NULL;
	if (n < 0 || (size_t)n >= sizeof(text))
		err_set(&l->err, ERR_MACHINE, 0, "QEMU: a path is too long");
	else
		copy = arena_strdup(l->arena, text, &l->err);
	if (copy == NULL)
		l->failed = true;
	else
		add(l, copy);
}

int qemu_value(struct buf *out, const char *value, struct err *e)
{
	for (; *value != '\0'; value++)
		if (buf_puts(out, *value == ',' ? ",," : (char[]){ *value, '\0' }, e) < 0)
			return -1;
	return 0;
}

/* A path as an option's value; "" after a failure. */
static const char *value_of(struct line *l, const char *path)
{
	cleanup_buf struct buf out = { 0 };
	const char *copy = NULL;
	if (qemu_value(&out, path, &l->err) == 0)
		copy = arena_strdup(l->arena, out.data != NULL ? out.data : "", &l->err);
	if (copy == NULL)
		l->failed = true;
	return copy != NULL ? copy : "";
}

static void add_machine(struct line *l, const struct qemu_options *o)
{
	static const char *const fixed[] = { "-name", "hub", "-nodefaults", "-no-user-config",
		"-display", "none", "-rtc", "base=utc", "-M",
		/* Without what EC2 has not and a boot would only search. */
		"q35,sata=off,smbus=off,i8042=off,vmport=off" };
	add(l, o->program);
	for (size_t i = 0; i < sizeof(fixed) / sizeof(*fixed); i++)
		add(l, fixed[i]);
	add(l, "-accel");
	add(l, o->kvm ? "kvm" : "tcg,thread=multi");
	add(l, "-cpu");
	/* 5-level paging and nested guests only cost emulation time. */
	add(l, o->kvm ? "host" : "max,la57=off,svm=off");
	add(l, "-m");
	add_printf(l, "%u", o->memory);
	add(l, "-smp");
	add_printf(l, "%u", o->processors);
	if (!o->may_restart)
		add(l, "-no-reboot");
}

/* How cloud-init and others know an EC2 instance. */
static void add_identity(struct line *l)
{
	static const char *const types[] = {
		"type=0,vendor=Amazon EC2,version=1.0",
		"type=1,manufacturer=Amazon EC2,product=" INSTANCE_TYPE ",uuid=" INSTANCE_UUID
		",serial=" INSTANCE_UUID,
		"type=2,manufacturer=Amazon EC2,asset=" INSTANCE_ID,
		"type=3,manufacturer=Amazon EC2,asset=Amazon EC2",
	};
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		add(l, "-smbios");
		add(l, types[i]);
	}
}

static void add_network(struct line *l, const struct qemu_options *o)
{
	char forward[64] = "";
	if (o->ssh_port != 0)
		snprintf(forward, sizeof(forward),
			",hostfwd=tcp:127.0.0.1:%u-" INSTANCE_ADDRESS ":22", o->ssh_port);
	static const char metadata[] = "tcp:" INSTANCE_METADATA ":80-cmd:";
	if (strlen(metadata) + strlen(o->relay) > GUESTFWD_MAX) {
		err_set(&l->err, ERR_MACHINE, 0, "QEMU: the relay's command is too long");
		l->failed = true;
	}
	add(l, "-netdev");
	add_printf(l,
		"user,id=net,ipv6=off,net=" INSTANCE_NETWORK ",host=" INSTANCE_GATEWAY
		",dhcpstart=" INSTANCE_ADDRESS ",guestfwd=%s%s%s",
		metadata, value_of(l, o->relay), forward);
	add(l, "-device");
	add(l, "virtio-net-pci,netdev=net,romfile=,mac=" INSTANCE_MAC);
}

const char *const *qemu_argv(const struct qemu_options *o, struct arena *a, struct err *e)
{
	struct line l = { .arena = a };
	add_machine(&l, o);
	add_identity(&l);
	add(&l, "-drive");
	add_printf(&l, "if=pflash,unit=0,format=raw,readonly=on,file=%s", value_of(&l, o->code));
	add(&l, "-drive");
	add_printf(&l, "if=pflash,unit=1,format=raw,file=%s", value_of(&l, o->vars));
	add(&l, "-drive");
	/* The disk is thrown away: nothing need reach it. */
	add_printf(&l, "if=none,id=root,format=qcow2,cache=unsafe,discard=unmap,file=%s",
		value_of(&l, o->disk));
	add(&l, "-device");
	add(&l, "nvme,drive=root,bootindex=0,serial=" INSTANCE_VOLUME);
	add_network(&l, o);
	add(&l, "-chardev");
	add(&l, "stdio,id=console,signal=off");
	add(&l, "-serial");
	add(&l, "chardev:console");
	add(&l, NULL);
	if (l.failed) {
		*e = l.err;
		return NULL;
	}
	return l.argv;
}
