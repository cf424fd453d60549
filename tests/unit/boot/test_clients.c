/*
 * The service beside clients that know nothing of it: tests/boot/clients.py, with the hub's own
 * modules and botocore.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "boot/process.h"
#include "boot/service.h"
#include "check.h"

#define CLIENTS "tests/boot/clients.py"

static char user_data[] = { 0x1f, (char)0x8b, 'n', 'o', 't', ' ', 't', 'e', 'x', 't', 0, '\n',
	(char)0xff };

struct world {
	struct arena arena;
	struct metadata tree;
	struct imds imds;
	struct aws_local aws;
	struct asked asked;
	struct tls_identity tls;
	struct credentials credentials;
	struct service *service;
	char ca[64];
};

static void begin(struct world *w)
{
	static const char *const addresses[] = { "127.0.0.1", INSTANCE_GATEWAY, NULL };
	struct err e = { 0 };
	*w = (struct world){ .ca = "/tmp/imgbuild-ca-XXXXXX" };
	w->tree.arena = w->asked.arena = w->aws.arena = w->aws.zone.arena = &w->arena;
	assert_int_equal(credentials_draw(&w->credentials, &e), 0);
	struct instance instance = { .region = "eu-west-1",
		.ssh_key = "ssh-ed25519 AAAA boot",
		.user_data = user_data,
		.user_data_size = sizeof(user_data),
		.credentials = &w->credentials,
		.expires = time(NULL) + 3600 };
	assert_int_equal(instance_describe(&instance, &w->tree, &e), 0);
	assert_int_equal(imds_init(&w->imds, &w->tree, &e), 0);
	w->aws.region = instance.region;
	w->aws.credentials = &w->credentials;
	w->aws.zone.id = "Z0123456789";
	w->aws.zone.name = "example.com.";
	w->aws.object_path = "bucket/a key/sites.json";
	w->aws.object = "{\"format\": 1}";
	w->aws.object_size = strlen(w->aws.object);
	assert_int_equal(aws_local_secret(&w->aws, AWS_SSM, "/hub/psk/default", &e), 0);
	assert_int_equal(aws_local_secret(&w->aws, AWS_SSM, "/hub/psk/default", &e), 0);
	assert_int_equal(aws_local_secret(&w->aws, AWS_SSM, "/hub/psk/branch1", &e), 0);
	assert_int_equal(aws_local_secret(&w->aws, AWS_SECRETSMANAGER, "hub/branch2", &e), 0);
	if (tls_make(addresses, time(NULL), &w->tls, &e) < 0)
		fail_msg("%s", e.msg);
	struct service_options o = { &w->imds, &w->aws, &w->asked, &w->tls };
	w->service = service_start(&o, &e);
	if (w->service == NULL)
		fail_msg("%s", e.msg);
	int fd = mkstemp(w->ca);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, w->tls.ca.data, w->tls.ca.len), (ssize_t)w->tls.ca.len);
	close(fd);
}

static void end(struct world *w)
{
	service_stop(w->service);
	tls_free(&w->tls);
	unlink(w->ca);
	arena_free(&w->arena);
}

static void serve_until_end(struct world *w, struct process *p)
{
	struct err e;
	int fds[PORT_COUNT];
	service_fds(w->service, fds);
	while (!process_ended(p)) {
		struct pollfd polled[] = { { fds[0], POLLIN, 0 }, { fds[1], POLLIN, 0 },
			{ p->fd, POLLIN, 0 } };
		if (poll(polled, 3, service_timeout(w->service)) < 0)
			assert_int_equal(errno, EINTR);
		if (service_run(w->service, &e) < 0)
			fail_msg("%s", e.msg);
	}
}

static void service_answers_the_hub_and_botocore(void **state)
{
	(void)state;
	struct world w;
	struct process p = PROCESS_NONE;
	struct err e;
	char metadata[64], aws[64], secrets[128];
	if (access(CLIENTS, R_OK) != 0)
		skip(); /* not run from the repository's folder */
	begin(&w);
	snprintf(metadata, sizeof(metadata), "http://127.0.0.1:%u",
		service_port(w.service, PORT_METADATA));
	snprintf(aws, sizeof(aws), "https://127.0.0.1:%u", service_port(w.service, PORT_AWS));
	snprintf(secrets, sizeof(secrets), "%s,%s,%s", w.aws.secrets[0].value,
		w.aws.secrets[1].value, w.aws.secrets[2].value);
	const char *argv[] = { "/usr/bin/python3", "-B", CLIENTS, metadata, aws, w.ca, secrets,
		NULL };
	struct process_options o = { .in = -1, .out = -1, .err = -1, .apart = true };
	if (process_start(argv, &o, &p, &e) < 0)
		fail_msg("%s", e.msg);
	serve_until_end(&w, &p);
	struct buf table = { 0 };
	assert_int_equal(asked_table(&w.asked, &table, &e), 0);
	printf("%s", table.data);
	assert_int_equal(p.status, 0);
	/* What the clients did has arrived, and is told. */
	assert_true(zone_answers(&w.aws.zone, "VPN.example.com"));
	assert_false(zone_answers(&w.aws.zone, "gone.example.com"));
	assert_non_null(strstr(table.data, "UPSERT A vpn.example.com. 203.0.113.10 "));
	assert_non_null(strstr(table.data, "400 ResourceNotFoundException  hub/none"));
	assert_null(strstr(table.data, w.aws.secrets[0].value));
	buf_free(&table);
	end(&w);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(service_answers_the_hub_and_botocore),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
