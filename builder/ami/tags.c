#include "ami/tags.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

int tags_make(const struct tags_facts *f, struct arena *a, struct ec2_tags *ret, struct err *e)
{
	const struct ami *ami = &f->recipe->ami;
	struct ec2_tag *list = arena_array(a, ami->tag_count + 6, sizeof(*list), e);
	const char *blocks = arena_printf(a, e, "%zu", f->blocks);
	size_t n = 0;
	bool named = false;
	if (list == NULL || blocks == NULL)
		return -1;
	for (size_t i = 0; i < ami->tag_count; i++)
		named = named || strcmp(ami->tags[i].key, "Name") == 0;
	if (!named)
		list[n++] = (struct ec2_tag){ "Name", f->name };
	for (size_t i = 0; i < ami->tag_count; i++)
		list[n++] = (struct ec2_tag){ ami->tags[i].key, ami->tags[i].value };
	list[n++] = (struct ec2_tag){ TAG_RECIPE, f->recipe->name };
	list[n++] = (struct ec2_tag){ TAG_DIGEST, f->digest };
	list[n++] = (struct ec2_tag){ TAG_VERSION, IMGBUILD_VERSION };
	list[n++] = (struct ec2_tag){ TAG_BLOCKS, blocks };
	if (f->run != NULL)
		list[n++] = (struct ec2_tag){ TAG_RUN, f->run };
	*ret = (struct ec2_tags){ list, n };
	return 0;
}

int run_id(struct run_id *ret, struct err *e)
{
	unsigned char bytes[8];
	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return err_set(e, ERR_MACHINE, errno, "random bytes");
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(ret->text + 2 * i, 3, "%02x", bytes[i]);
	return 0;
}
