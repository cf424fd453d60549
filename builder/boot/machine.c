#include "boot/machine.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/child.h"
#include "base/file.h"
#include "boot/process.h"

#define TRIAL_SECONDS 10
#define TRIAL_STATUS  33
#define ROM_SIZE      65536
#define FIRMWARE_MAX  ((size_t)64 << 20)

/*
 * The last 256 bytes below 4 GiB, where a processor starts. It goes to protected mode, so that the
 * processor and not KVM's emulation of real mode runs it, counts, and tells isa-debug-exit 16,
 * which ends QEMU with 16 * 2 + 1.
 */
static const unsigned char TRIAL[] = {
	0xfa,                                           /* start: cli */
	0x2e, 0x66, 0x0f, 0x01, 0x16, 0x48, 0xff,       /* lgdtl %cs:gdtr */
	0x0f, 0x20, 0xc0,                               /* mov %cr0, %eax */
	0x0c, 0x01,                                     /* or $1, %al */
	0x0f, 0x22, 0xc0,                               /* mov %eax, %cr0 */
	0x66, 0xea, 0x18, 0xff, 0xff, 0xff, 0x08, 0x00, /* ljmpl $8, $protected */
	0x66, 0xb8, 0x10, 0x00,                         /* protected: mov $16, %ax */
	0x8e, 0xd8,                                     /* mov %ax, %ds */
	0xb9, 0x00, 0x10, 0x00, 0x00,                   /* mov $0x1000, %ecx */
	0xe2, 0xfe,                                     /* again: loop again */
	0xb0, 0x10,                                     /* mov $16, %al */
	0xe6, 0xf4,                                     /* out %al, $0xf4 */
	0xf4,                                           /* end: hlt */
	0xeb, 0xfd,                                     /* jmp end */
	0xf4, 0xf4, 0xf4, 0xf4,                         /* to a multiple of 8 */
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, /* gdt: none, */
	0xff, 0xff, 0x00, 0x00, 0x00, 0x9a, 0xcf, 0x00, /* code, all 4 GiB, */
	0xff, 0xff, 0x00, 0x00, 0x00, 0x92, 0xcf, 0x00, /* data, all 4 GiB */
	0x17, 0x00, 0x30, 0xff, 0xff, 0xff,             /* gdtr */
};
#define TRIAL_AT    (ROM_SIZE - 0x100)
#define TRIAL_RESET (ROM_SIZE - 0x10)
static const unsigned char RESET[] = { 0xe9, 0x0d, 0xff }; /* jmp start */

int machine_firmware(struct firmware *ret, struct err *e)
{
	static const struct firmware known[] = {
		{ "/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd" },
		{ "/usr/share/OVMF/OVMF_CODE.fd", "/usr/share/OVMF/OVMF_VARS.fd" },
		{ "/usr/share/edk2/ovmf/OVMF_CODE.fd", "/usr/share/edk2/ovmf/OVMF_VARS.fd" },
		{ "/usr/share/edk2/x64/OVMF_CODE.4m.fd", "/usr/share/edk2/x64/OVMF_VARS.4m.fd" },
		{ "/usr/share/qemu/ovmf-x86_64-code.bin", "/usr/share/qemu/ovmf-x86_64-vars.bin" },
	};
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		if (access(known[i].code, R_OK) == 0 && access(known[i].vars, R_OK) == 0) {
			*ret = known[i];
			return 0;
		}
	}
	return err_set(e, ERR_MACHINE, 0, "no UEFI firmware for QEMU is installed (Debian: ovmf)");
}

static int write_rom(const char *path, struct err *e)
{
	cleanup_buf struct buf rom = { 0 };
	if (buf_reserve(&rom, ROM_SIZE, e) < 0)
		return -1;
	memset(rom.data, 0xf4, ROM_SIZE);
	memcpy(rom.data + TRIAL_AT, TRIAL, sizeof(TRIAL));
	memcpy(rom.data + TRIAL_RESET, RESET, sizeof(RESET));
	cleanup_fd int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set(e, ERR_MACHINE, errno, "create %s", path);
	return file_write_all(fd, rom.data, ROM_SIZE, e);
}

int machine_trial(const char *folder, const char *accelerator, struct err *e)
{
	char rom[4096];
	if (snprintf(rom, sizeof(rom), "%s/trial.bin", folder) >= (int)sizeof(rom))
		return err_set(e, ERR_MACHINE, ENAMETOOLONG, "%s", folder);
	if (write_rom(rom, e) < 0)
		return -1;
	const char *const argv[] = { MACHINE_QEMU, "-accel", accelerator, "-M", "q35", "-m", "16",
		"-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-bios", rom,
		"-device", "isa-debug-exit,iobase=0xf4,iosize=4", NULL };
	cleanup_fd int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	const struct process_options o = {
		.in = -1, .out = null, .err = null, .apart = true, .package = "qemu-system-x86"
	};
	cleanup_process struct process p = PROCESS_NONE;
	if (process_start(argv, &o, &p, e) < 0)
		return -1;
	struct pollfd end = { p.fd, POLLIN, 0 };
	while (poll(&end, 1, TRIAL_SECONDS * 1000) < 0 && errno == EINTR)
		;
	bool ran =
		process_ended(&p) && WIFEXITED(p.status) && WEXITSTATUS(p.status) == TRIAL_STATUS;
	unlink(rom);
	return ran;
}

int machine_kvm(const char *folder, bool *ret, struct err *e)
{
	if (access("/dev/kvm", R_OK | W_OK) != 0) {
		*ret = false;
		return 0;
	}
	int rc = machine_trial(folder, "kvm", e);
	if (rc >= 0)
		*ret = rc == 1;
	return rc < 0 ? -1 : 0;
}

int machine_view(const char *disk, uint64_t more, const char *view, struct arena *a, struct err *e)
{
	struct stat st;
	/* QEMU takes a relative path for one beside the view. */
	char *full = realpath(disk, NULL);
	if (full == NULL || stat(full, &st) < 0) {
		free(full);
		return err_set(e, ERR_MACHINE, errno, "%s", disk);
	}
	const char *size = arena_printf(
		a, e, "%llu", (unsigned long long)st.st_size + (unsigned long long)more);
	const char *const argv[] = { "qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b",
		full, view, size, NULL };
	const struct child_options o = { .package = "qemu-utils" };
	int rc = size == NULL ? -1 : child_run(argv, &o, NULL, e);
	free(full);
	return rc;
}

int machine_copy(const char *from, const char *to, struct err *e)
{
	cleanup_buf struct buf content = { 0 };
	if (file_read(AT_FDCWD, from, FIRMWARE_MAX, &content, e) < 0) {
		e->kind = ERR_MACHINE;
		return -1;
	}
	cleanup_fd int fd = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set(e, ERR_MACHINE, errno, "create %s", to);
	return file_write_all(fd, content.data, content.len, e);
}

unsigned machine_free_port(struct err *e)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof(at);
	cleanup_fd int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&at, len) < 0 ||
		getsockname(fd, (struct sockaddr *)&at, &len) < 0) {
		err_set(e, ERR_MACHINE, errno, "a free port");
		return 0;
	}
	return ntohs(at.sin_port);
}
