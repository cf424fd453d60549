#include <string.h>

#include "disk/disk.h"
#include "goal/goal.h"

static const char *encryption(const struct ami *a)
{
	return a->kms_key != NULL               ? a->kms_key
	       : a->encryption == AMI_ENCRYPTED ? "yes, with the account's key"
	       : a->encryption == AMI_PLAIN     ? "no"
						: "as the account has it";
}

static void call(const struct run *run, const char *name, const char *what)
{
	log_say(&run->log, "  %-*s%s", what[0] != '\0' ? 43 : 0, name, what);
}

static void say_words(
	const struct run *run, const char *name, const char *what, const struct words *w)
{
	for (size_t i = 0; i < w->count; i++)
		log_say(&run->log, "  %-42s %s %s", name, what, w->list[i].text);
}

static void say_publish(const struct run *run)
{
	const struct publish *p = &run->recipe.publish;
	const struct publish_refresh *r = &p->refresh;
	log_say(&run->log, "\nand with the goal publish, what of it is missing:");
	for (size_t i = 0; i < p->region_count; i++)
		log_say(&run->log, "  %-42s %s%s%s",
			p->regions[i].upload ? "as ami" : "ec2:CopyImage", p->regions[i].name,
			p->regions[i].kms_key != NULL ? ", key " : "",
			p->regions[i].kms_key != NULL ? p->regions[i].kms_key : "");
	say_words(run, "ec2:ModifyImageAttribute", "account", &p->accounts);
	say_words(run, "ec2:ModifyImageAttribute", "organization", &p->organizations);
	say_words(run, "ec2:ModifyImageAttribute", "unit", &p->units);
	if (p->everybody)
		call(run, "ec2:ModifyImageAttribute", "everybody");
	if (p->deprecate_days > 0)
		log_say(&run->log, "  %-42s in %u days", "ec2:EnableImageDeprecation",
			p->deprecate_days);
	if (p->protect != PROTECT_NO)
		call(run, "ec2:EnableImageDeregistrationProtection",
			p->protect == PROTECT_COOLDOWN ? "with cooldown" : "");
	say_words(run, "ec2:CreateLaunchTemplateVersion", "of", &p->launch_templates);
	if (p->parameter != NULL)
		call(run, "ssm:PutParameter", p->parameter);
	say_words(run, "autoscaling:StartInstanceRefresh", "group", &r->groups);
}

/* What would be asked of AWS; nothing is asked now. */
void plan_aws(const struct run *run)
{
	const struct recipe *r = &run->recipe;
	if (r->image.pos.line == 0)
		return;
	log_say(&run->log, "\nAMI       %s", r->ami.name);
	log_say(&run->log, "%-10s%s", "encrypted", encryption(&r->ami));
	for (size_t i = 0; i < r->ami.tag_count; i++)
		log_say(&run->log, "%-10s%s=%s", i == 0 ? "tags" : "", r->ami.tags[i].key,
			r->ami.tags[i].value);
	log_say(&run->log, "with the goal ami, unless an AMI of the same content is there:");
	call(run, "ec2:DescribeImages, DescribeSnapshots", "what earlier runs made, by its tags");
	if (r->ami.kms_key != NULL && strstr(r->ami.kms_key, ":key/") == NULL)
		call(run, "kms:DescribeKey", r->ami.kms_key);
	call(run, "ebs:ListSnapshotBlocks, GetSnapshotBlock", "the digests of the last image");
	call(run, "ebs:StartSnapshot, ec2:CreateTags", "on top of it");
	call(run, "ebs:PutSnapshotBlock", "for each block that differs");
	call(run, "ebs:CompleteSnapshot", "");
	call(run, "ec2:RegisterImage", "");
	if (r->publish.pos.line > 0)
		say_publish(run);
}
