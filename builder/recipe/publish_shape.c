#include <string.h>

#include "base/text.h"
#include "recipe/ami.h"

#define PARAMETER_MAX  1011 /* bytes: with its ARN 2048 */
#define PARAMETER_DEEP 15
#define DIGITS         "0123456789"
#define LOWER          "abcdefghijklmnopqrstuvwxyz"

/* Reads min to max characters of a set. */
static bool span(const char **p, const char *set, size_t min, size_t max)
{
	size_t len = strspn(*p, set);
	*p += len;
	return len >= min && len <= max;
}

static bool word(const char **p, const char *expected)
{
	if (!text_starts(*p, expected))
		return false;
	*p += strlen(expected);
	return true;
}

bool publish_account_valid(const char *text)
{
	const char *p = text;
	return span(&p, DIGITS, 12, 12) && *p == '\0';
}

/* arn:aws:organizations::ACCOUNT:KIND/o-... */
static bool organizations_arn(const char **p, const char *kind)
{
	return word(p, "arn:aws") && (**p == ':' || (word(p, "-") && span(p, LOWER "-", 1, 16))) &&
	       word(p, ":organizations::") && span(p, DIGITS, 12, 12) && word(p, kind) &&
	       word(p, "o-") && span(p, LOWER DIGITS, 10, 32);
}

bool publish_organization_valid(const char *text)
{
	const char *p = text;
	return organizations_arn(&p, ":organization/") && *p == '\0';
}

bool publish_unit_valid(const char *text)
{
	const char *p = text;
	return organizations_arn(&p, ":ou/") && word(&p, "/ou-") && span(&p, LOWER DIGITS, 4, 32) &&
	       word(&p, "-") && span(&p, LOWER DIGITS, 8, 32) && *p == '\0';
}

bool publish_template_valid(const char *text)
{
	const char *p = text;
	if (!word(&p, "lt-"))
		return false;
	size_t len = strspn(p, DIGITS "abcdef");
	return p[len] == '\0' && (len == 17 || len == 8);
}

bool publish_group_valid(const char *text)
{
	size_t len = strlen(text);
	for (size_t i = 0; i < len; i++)
		if (text[i] < ' ' || text[i] > '~' || text[i] == ':')
			return false;
	return len > 0 && len <= 255;
}

/* eu-west-1, us-gov-east-1, ap-southeast-5 */
bool publish_region_valid(const char *text)
{
	const char *p = text;
	unsigned parts = 0;
	if (!span(&p, LOWER, 2, 8))
		return false;
	while (p[0] == '-' && p[1] >= 'a' && p[1] <= 'z') {
		p++;
		if (!span(&p, LOWER, 1, 16))
			return false;
		parts++;
	}
	return parts >= 1 && parts <= 2 && word(&p, "-") && span(&p, DIGITS, 1, 2) && *p == '\0';
}

const char *publish_parameter_wrong(const char *text)
{
	const char *first = text[0] == '/' ? text + 1 : text;
	size_t len = strspn(text, LOWER "ABCDEFGHIJKLMNOPQRSTUVWXYZ" DIGITS "._-/");
	unsigned levels = 0;
	for (const char *p = text; *p != '\0'; p++)
		levels += *p == '/';
	if (text[len] != '\0' || len == 0 || len > PARAMETER_MAX)
		return "allowed are letters, digits and ._-/";
	if (strchr(text, '/') != NULL && text[0] != '/')
		return "one with a slash starts with a slash";
	if (text[len - 1] == '/' || strstr(text, "//") != NULL)
		return "a name is missing beside a slash";
	if (levels > PARAMETER_DEEP)
		return "at most 15 levels are allowed";
	if (strncasecmp(first, "aws", 3) == 0 || strncasecmp(first, "ssm", 3) == 0)
		return "names that start with aws or ssm are kept for AWS";
	return NULL;
}
