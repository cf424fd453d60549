#include <jansson.h>
#include <string.h>

#include "aws/client_part.h"
#include "aws/xml.h"
#include "base/text.h"

/* Cut to size between two characters; what a terminal would act on becomes a blank. */
static void copy(char *out, size_t size, const char *text, size_t len)
{
	size_t used = 0;
	for (size_t i = 0, n; i < len && text[i] != '\0'; i += n) {
		n = text_utf8_len(text + i, len - i);
		bool control = n == 0 || (unsigned char)text[i] < ' ' || text[i] == 0x7F ||
			       (n == 2 && text[i] == '\xC2' && (unsigned char)text[i + 1] < 0xA0);
		size_t step = control ? 1 : n;
		if (used + step >= size)
			break;
		if (control)
			out[used] = ' ';
		else
			memcpy(out + used, text + i, n);
		used += step;
		n = n > 0 ? n : 1;
	}
	while (used > 0 && out[used - 1] == ' ')
		used--;
	out[used] = '\0';
}

/* A refused signature is explained by what should have been signed, the session token in it. */
static void hide_token(char *text)
{
	static const char header[] = "x-amz-security-token:";
	char *p = strcasestr(text, header);
	if (p != NULL)
		memcpy(p + sizeof(header) - 4, "...", sizeof("..."));
}

static void copy_text(char *out, size_t size, const char *text)
{
	if (text != NULL)
		copy(out, size, text, strlen(text));
}

/* "com.amazonaws.x#ValidationException:http://..." is ValidationException. */
static void set_code(struct aws_reply *r, const char *text)
{
	if (text == NULL)
		return;
	const char *hash = strchr(text, '#');
	const char *start = hash != NULL ? hash + 1 : text;
	copy(r->code, sizeof(r->code), start, strcspn(start, ": "));
}

/* <Response><Errors><Error> of EC2, <ErrorResponse><Error> of the others. */
static bool read_xml(struct aws_reply *r)
{
	struct arena a = { .max = (size_t)16 << 20 };
	struct xml_node *root;
	struct err e;
	bool found = false;
	if (xml_parse(r->body.data, r->body.len, &a, &root, &e) == 0) {
		const struct xml_node *list = xml_child(root, "Errors");
		const struct xml_node *error = xml_child(list != NULL ? list : root, "Error");
		const char *id = xml_text(root, "RequestID");
		if (id == NULL)
			id = xml_text(root, "RequestId");
		if (error == NULL && strcmp(root->name, "Error") == 0)
			error = root;
		set_code(r, xml_text(error, "Code"));
		copy_text(r->message, sizeof(r->message), xml_text(error, "Message"));
		if (r->request_id[0] == '\0')
			copy_text(r->request_id, sizeof(r->request_id), id);
		found = r->code[0] != '\0';
	}
	arena_free(&a);
	return found;
}

static const char *text_of(const json_t *object, const char *const *names)
{
	const char *text = NULL;
	for (; *names != NULL && text == NULL; names++)
		text = json_string_value(json_object_get(object, *names));
	return text;
}

static bool read_json(struct aws_reply *r)
{
	static const char *const codes[] = { "__type", "code", "Code", NULL };
	static const char *const messages[] = { "message", "Message", "errorMessage", NULL };
	static const char *const reasons[] = { "Reason", "reason", NULL };
	json_error_t error;
	json_t *root = json_loadb(r->body.data, r->body.len, 0, &error);
	bool found = json_is_object(root);
	if (found) {
		set_code(r, text_of(root, codes));
		copy_text(r->message, sizeof(r->message), text_of(root, messages));
		copy_text(r->reason, sizeof(r->reason), text_of(root, reasons));
	}
	json_decref(root);
	return found;
}

bool refusal_read(struct aws_reply *r, const char *error_type)
{
	size_t blank = 0;
	while (blank < r->body.len && strchr(" \t\r\n", r->body.data[blank]) != NULL)
		blank++;
	bool read = blank == r->body.len;
	if (!read && r->body.data[blank] == '<')
		read = read_xml(r);
	else if (!read && r->body.data[blank] == '{')
		read = read_json(r);
	if (!read && r->message[0] == '\0')
		copy(r->message, 200, r->body.data, r->body.len);
	hide_token(r->message);
	if (error_type[0] != '\0') {
		set_code(r, error_type);
		read = true;
	}
	return read;
}
