#include <string.h>

#include "aws/credentials_part.h"
#include "base/child.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* One word, unquoted, over itself; what is behind it. NULL: a quote without its end. */
static char *take_word(char *from, char **ret_word)
{
	char *out = from, quote = '\0';
	*ret_word = from;
	for (; *from != '\0' && (quote != '\0' || !is_blank(*from)); from++) {
		if (quote == '\0' && (*from == '"' || *from == '\''))
			quote = *from;
		else if (*from == quote)
			quote = '\0';
		else if (*from == '\\' && from[1] != '\0' &&
			 (quote == '\0' || (quote == '"' && strchr("\"\\$`", from[1]) != NULL)))
			*out++ = *++from;
		else
			*out++ = *from;
	}
	char *rest = *from != '\0' ? from + 1 : from;
	*out = '\0';
	return quote == '\0' ? rest : NULL;
}

/* The words of a command as a shell would split them, NULL-terminated; it is no shell's to run. */
static const char **split(const struct profile_value *command, struct arena *a, struct err *e)
{
	const char **argv = NULL;
	size_t count = 0, cap = 0;
	char *p = arena_strdup(a, command->value, e);
	if (p == NULL)
		return NULL;
	for (;;) {
		while (is_blank(*p))
			p++;
		const char **slot = arena_push(a, &argv, &count, &cap, sizeof(*argv), e);
		if (slot == NULL)
			return NULL;
		if (*p == '\0')
			break;
		char *word;
		p = take_word(p, &word);
		*slot = word;
		if (p == NULL) {
			err_set(e, ERR_INPUT, 0, "%s:%zu:1: %s: a quote without its end",
				command->file, command->line, command->key);
			return NULL;
		}
	}
	return argv;
}

int credentials_process(struct finder *f, const struct profile_value *command,
	struct aws_credentials *ret, struct err *e)
{
	cleanup_arena struct arena words = { 0 };
	cleanup_secret struct buf out = { .max = CREDENTIALS_ANSWER_MAX };
	const char **argv = split(command, &words, e);
	if (argv == NULL)
		return -1;
	/* At once, so that no copy of a secret is left behind where the buffer was before. */
	if (buf_reserve(&out, CREDENTIALS_ANSWER_MAX - 1, e) < 0)
		return -1;
	if (argv[0] == NULL || argv[0][0] == '\0')
		return err_set(e, ERR_INPUT, 0, "%s:%zu:1: %s: no program's name", command->file,
			command->line, command->key);
	if (child_run(argv, NULL, &out, e) < 0) {
		if (e->errnum == 0)
			e->kind = ERR_REMOTE; /* it ran, and gave none */
		return err_wrap(e, "credential_process");
	}
	if (credentials_read(f, &out, ANSWER_PROCESS, ret, e) < 0)
		return err_wrap(e, "credential_process %s", argv[0]);
	return 1;
}
