/*
 * The `ami`, `publish` and `keep` of a recipe: what the disk image becomes on AWS.
 *
 *   ami:
 *     name: "_RECIPE_ _ARCH_ _DIGEST_"   # 3 to 128 of letters, digits and ()[] ./-'@_
 *     description: IPsec hub
 *     encrypted: true                    # or false; default: as the account has it
 *     kms_key: alias/hub                 # of the region that is uploaded to; encrypted then
 *     volume: 8G                         # of the root volume; default: the image's size
 *     tags: {team: network}
 *   publish:
 *     regions:                           # beside the one that is uploaded to
 *       eu-west-1: {kms_key: alias/hub}
 *       us-west-2: {upload: true}        # sent there instead of copied
 *     accounts: ["123456789012"]
 *     organizations: [arn:aws:organizations::123456789012:organization/o-abcdefghij]
 *     units: [arn:aws:organizations::123456789012:ou/o-abcdefghij/ou-abcd-12345678]
 *     public: "yes, everybody may launch it"    # only these words
 *     deprecate_after: 90d
 *     protect: true                      # from deregistration; or with_cooldown
 *     parameter: /hub/ami                # SSM parameter of type aws:ec2:image
 *     launch_templates: [lt-0123456789abcdef0]  # those that do not follow the parameter
 *     refresh:
 *       groups: [hub]                    # Auto Scaling groups
 *       min_healthy: 100                 # per cent
 *       max_healthy: 200
 *       warmup: 300                      # seconds
 *       checkpoints: [20, 100]           # per cent
 *       checkpoint_delay: 600            # seconds
 *   keep: 3                              # AMIs that `gc` leaves, beside those in use
 *
 * In `name`, _RECIPE_, _ARCH_, _DIGEST_ (the first 12 digits of the image's), _VERSION_ (of the
 * tool) are replaced when the digest is known. {{NAME}} is replaced in all values that are no
 * lists.
 *
 * A recipe that extends another one says only what differs: single values replace (an empty text in
 * quotes takes the base recipe's away), lists add up and `-ITEM` takes away, tags and regions add
 * up by their key (an empty tag value, or a region written -NAME, takes away), and checkpoints
 * replace as a whole.
 */
#ifndef IMGBUILD_RECIPE_AMI_H
#define IMGBUILD_RECIPE_AMI_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "recipe/image.h"
#include "recipe/node.h"
#include "recipe/word.h"

#define AMI_NAME_MIN     3
#define AMI_NAME_MAX     128
#define AMI_TAGS_MAX     40 /* EC2 takes 50 with ours */
#define AMI_REGIONS_MAX  64
#define AMI_NAME_DEFAULT "_RECIPE_ _ARCH_ _DIGEST_"
#define AMI_PUBLIC_WORDS "yes, everybody may launch it"
#define AMI_KEEP_DEFAULT 3
#define PUBLISH_LIST_MAX 100 /* accounts, groups, ... */

struct ami_tag {
	const char *key;
	const char *value;
	struct pos pos;
};

enum ami_encryption { AMI_AS_ACCOUNT, AMI_ENCRYPTED, AMI_PLAIN };

struct ami {
	struct pos pos;   /* line 0: no ami section: all defaults */
	const char *name; /* with its placeholders */
	struct pos name_pos;
	const char *description; /* NULL: the recipe's */
	enum ami_encryption encryption;
	const char *kms_key; /* NULL */
	uint64_t volume;     /* bytes; 0: the image's size, in whole GiB */
	struct ami_tag *tags;
	size_t tag_count;
};

struct publish_region {
	const char *name;
	const char *kms_key;   /* NULL */
	const char *parameter; /* NULL: publish's */
	bool upload;
	struct pos pos;
};

enum publish_protection { PROTECT_NO, PROTECT_YES, PROTECT_COOLDOWN };

struct publish_refresh {
	struct pos pos; /* line 0: none */
	struct words groups;
	unsigned min_healthy;     /* per cent; default 100 */
	unsigned max_healthy;     /* per cent; 0: not said */
	unsigned warmup;          /* seconds; 0: the group's */
	unsigned checkpoints[10]; /* per cent, rising */
	size_t checkpoint_count;
	unsigned checkpoint_delay; /* seconds */
};

struct publish {
	struct pos pos; /* line 0: no publish section */
	struct publish_region *regions;
	size_t region_count;
	struct words accounts;
	struct words organizations;
	struct words units;
	bool everybody;
	unsigned deprecate_days; /* 0: never */
	enum publish_protection protect;
	const char *parameter; /* NULL: none */
	struct words launch_templates;
	struct publish_refresh refresh;
};

/*
 * Append an AMI's name of a template. `digest` is in hexadecimal digits, at least 12 of them.
 * ERR_MACHINE.
 */
must_check int ami_name(const char *template, const char *recipe, enum image_arch arch,
	const char *digest, struct buf *out, struct err *e);

/* The members of publish's lists. */
bool publish_account_valid(const char *text);
bool publish_organization_valid(const char *text);
bool publish_unit_valid(const char *text);
bool publish_template_valid(const char *text);
bool publish_group_valid(const char *text);
bool publish_region_valid(const char *text);
/*
 * What is wrong with the name of an SSM parameter (Systems Manager, "Requirements and constraints
 * for parameter names"); NULL: nothing.
 */
const char *publish_parameter_wrong(const char *text);

extern const struct key_spec AMI_KEYS[];
extern const size_t AMI_KEY_COUNT;
extern const struct key_spec PUBLISH_KEYS[];
extern const size_t PUBLISH_KEY_COUNT;
extern const struct key_spec REGION_KEYS[];
extern const size_t REGION_KEY_COUNT;
extern const struct key_spec REFRESH_KEYS[];
extern const size_t REFRESH_KEY_COUNT;

#endif
