#include "aws/page.h"

#include <string.h>
#include <time.h>

#include "base/text.h"

bool page_next(const char **token, const char *next)
{
	if (next == NULL || next[0] == '\0' || (*token != NULL && strcmp(*token, next) == 0))
		return false;
	*token = next;
	return true;
}

int64_t page_number(const char *text)
{
	unsigned long long n;
	return text != NULL && text_number(text, 0, INT64_MAX, &n) ? (int64_t)n : 0;
}

bool page_true(const char *text)
{
	return text != NULL && strcmp(text, "true") == 0;
}

int64_t page_time(const char *text)
{
	struct tm tm = { 0 };
	if (text == NULL)
		return 0;
	const char *end = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	if (end == NULL)
		return 0;
	if (*end == '.')
		end += 1 + strspn(end + 1, "0123456789");
	if (strcmp(end, "Z") != 0 && strcmp(end, "+00:00") != 0)
		return 0;
	return (int64_t)timegm(&tm);
}

size_t page_count(const struct xml_node *list)
{
	size_t n = 0;
	if (list != NULL)
		for (const struct xml_node *i = list->first; i != NULL; i = i->next)
			n++;
	return n;
}
