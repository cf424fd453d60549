#include "boot/world.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "boot/machine.h"
#include "boot/qemu.h"
#include "boot/relay.h"

#define MEMORY_MIB          1024 /* what a t3.micro has */
#define CREDENTIALS_SECONDS (12 * 3600)

static const char *const LOGS[] = { "console.log", "qemu.log" };
static const char *const REST[] = { "disk.qcow2", "vars.fd", "trial.bin", "key", "key.pub",
	"known_hosts", "known_hosts.old" };

static const char *path_of(const struct world *w, const char *name, struct err *e)
{
	return arena_printf(w->arena, e, "%s/%s", w->folder, name);
}

static void remove_all(const struct world *w, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		unlinkat(w->lock, names[i], 0);
}

/* The folder, ours alone, empty. */
static int take_folder(struct world *w, struct err *e)
{
	const char *name = w->o->bundle->recipe->name;
	w->folder = arena_printf(w->arena, e, "%s/.%s.boot", w->o->out, name);
	if (w->folder == NULL)
		return -1;
	if ((mkdir(w->o->out, 0777) < 0 && errno != EEXIST) ||
		(mkdir(w->folder, 0700) < 0 && errno != EEXIST))
		return err_set(e, ERR_MACHINE, errno, "make %s", w->folder);
	w->lock = open(w->folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (w->lock < 0)
		return err_set(e, ERR_MACHINE, errno, "open %s", w->folder);
	if (flock(w->lock, LOCK_EX | LOCK_NB) < 0) {
		int error = errno;
		fd_close(&w->lock);
		return error == EWOULDBLOCK
			       ? err_set(e, ERR_MACHINE, 0,
					 "another boot of %s is under way (%s is locked)", name,
					 w->folder)
			       : err_set(e, ERR_MACHINE, error, "lock %s", w->folder);
	}
	remove_all(w, LOGS, sizeof(LOGS) / sizeof(*LOGS));
	remove_all(w, REST, sizeof(REST) / sizeof(*REST));
	return 0;
}

static int start_services(struct world *w, struct err *e)
{
	static const char *const addresses[] = { INSTANCE_GATEWAY, NULL };
	const struct service_options o = { &w->imds, &w->aws, &w->asked, &w->tls };
	w->tree.arena = w->aws.arena = w->asked.arena = w->arena;
	w->aws.credentials = &w->credentials;
	if (credentials_draw(&w->credentials, e) < 0 || imds_init(&w->imds, &w->tree, e) < 0 ||
		guest_stock(w->o->bundle, &w->aws, e) < 0 ||
		tls_make(addresses, time(NULL), &w->tls, e) < 0)
		return -1;
	w->service = service_start(&o, e);
	return w->service == NULL ? -1 : 0;
}

/* What the metadata service tells. */
static int describe(struct world *w, struct err *e)
{
	cleanup_buf struct buf key = { 0 };
	cleanup_buf struct buf user_data = { 0 };
	const char *endpoint = arena_printf(
		w->arena, e, "https://" INSTANCE_GATEWAY ":%u", service_port(w->service, PORT_AWS));
	if (endpoint == NULL || (w->reached && ssh_make_key(&w->ssh, w->arena, &key, e) < 0))
		return -1;
	const struct guest_options g = { .query = w->o->query,
		.bundle = w->o->bundle,
		.endpoint = endpoint,
		.ca = &w->tls.ca,
		.adhoc = w->o->adhoc,
		.ssh = w->reached,
		.apt_sources = w->o->apt_sources };
	if (guest_user_data(&g, w->arena, &user_data, e) < 0)
		return err_wrap(e, "user-data");
	const struct instance i = { .region = w->aws.region,
		.ssh_key = w->reached ? key.data : NULL,
		.user_data = user_data.data,
		.user_data_size = user_data.len,
		.credentials = &w->credentials,
		.expires = time(NULL) + CREDENTIALS_SECONDS };
	return instance_describe(&i, &w->tree, e);
}

int world_open(struct world *w, const struct boot_options *o, struct arena *a, struct err *e)
{
	w->o = o;
	w->arena = a;
	w->reached = o->ssh || o->keep || o->adhoc;
	if (take_folder(w, e) < 0 || machine_kvm(w->folder, &w->kvm, e) < 0)
		return -1;
	w->ssh.folder = w->folder;
	w->ssh.port = o->ssh_port;
	snprintf(
		w->ssh.user, sizeof(w->ssh.user), "%s", o->adhoc ? SSH_USER_STOCK : SSH_USER_IMAGE);
	if (w->reached && w->ssh.port == 0 && (w->ssh.port = machine_free_port(e)) == 0)
		return -1;
	return start_services(w, e) < 0 || describe(w, e) < 0 ? -1 : 0;
}

/* Its descriptors: what it prints on the console comes back, what it complains of goes to a file.
 */
static int launch(struct world *w, const char *const *argv, struct err *e)
{
	int ends[2];
	cleanup_fd int complaints =
		openat(w->lock, "qemu.log", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (complaints < 0 || pipe2(ends, O_CLOEXEC) < 0)
		return err_set(e, ERR_MACHINE, errno, "start QEMU");
	w->console = ends[0];
	cleanup_fd int out = ends[1];
	const struct process_options o = {
		.in = -1, .out = out, .err = complaints, .apart = true, .package = "qemu-system-x86"
	};
	if (fcntl(w->console, F_SETFL, O_NONBLOCK) < 0)
		return err_set(e, ERR_MACHINE, errno, "start QEMU");
	return process_start(argv, &o, &w->qemu, e);
}

int world_start(struct world *w, struct err *e)
{
	struct firmware firmware;
	cleanup_buf struct buf relay = { 0 };
	const char *view = path_of(w, "disk.qcow2", e), *vars = path_of(w, "vars.fd", e);
	if (view == NULL || vars == NULL || machine_firmware(&firmware, e) < 0 ||
		machine_copy(firmware.vars, vars, e) < 0 ||
		machine_view(w->o->disk, BOOT_ROOM, view, w->arena, e) < 0 ||
		relay_command(service_port(w->service, PORT_METADATA), &relay, e) < 0)
		return -1;
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	const struct qemu_options q = { .program = MACHINE_QEMU,
		.kvm = w->kvm,
		.memory = MEMORY_MIB,
		.processors = processors > 1 ? 2 : 1,
		.disk = view,
		.code = firmware.code,
		.vars = vars,
		.relay = relay.data,
		.ssh_port = w->reached ? w->ssh.port : 0,
		.may_restart = w->o->ssh || w->o->keep };
	const char *const *argv = qemu_argv(&q, w->arena, e);
	w->log = openat(w->lock, "console.log", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	if (w->log < 0)
		return err_set(e, ERR_MACHINE, errno, "%s/console.log", w->folder);
	return argv == NULL ? -1 : launch(w, argv, e);
}

void world_stop(struct world *w)
{
	process_stop(&w->qemu);
	fd_close(&w->console);
	fd_close(&w->log);
}

void world_close(struct world *w, bool keep_logs)
{
	world_stop(w);
	service_stop(w->service);
	w->service = NULL;
	tls_free(&w->tls);
	explicit_bzero(&w->credentials, sizeof(w->credentials));
	if (w->lock < 0)
		return;
	remove_all(w, REST, sizeof(REST) / sizeof(*REST));
	if (!keep_logs) {
		remove_all(w, LOGS, sizeof(LOGS) / sizeof(*LOGS));
		rmdir(w->folder);
	}
	fd_close(&w->lock);
}

int world_complaint(const struct world *w, struct buf *out, struct err *e)
{
	cleanup_buf struct buf all = { 0 };
	struct err ignored;
	if (file_read(w->lock, "qemu.log", 1 << 20, &all, &ignored) < 0 || all.len == 0)
		return 0;
	while (all.len > 0 && all.data[all.len - 1] == '\n')
		all.data[--all.len] = '\0';
	const char *last = strrchr(all.data, '\n');
	return buf_puts(out, last != NULL ? last + 1 : all.data, e);
}
