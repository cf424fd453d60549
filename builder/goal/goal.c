#include "goal/goal.h"

#include <string.h>

#include "base/text.h"

const struct goal GOALS[] = {
	{ "check", "tell every problem of recipe, sites, overlays and templates", "nothing",
		"nothing",
		"Reads the recipe with all that it extends, the sites, the overlays and the "
		"templates, "
		"and reports every problem in one go, each as file:line:column, what was found and "
		"what "
		"is allowed.",
		goal_check },
	{ "bundle", "build out/RECIPE/: user-data, overlay, peer sheets, deploy documents",
		"out/RECIPE/, the set before as out/.RECIPE.previous",
		"nothing: no network, no root, no other program",
		"Builds the set beside its place and exchanges it at once, so that out/RECIPE "
		"holds the "
		"old set or the new one at any moment. The set before stays as "
		"out/.RECIPE.previous. "
		"This is the default goal.",
		goal_bundle },
	{ "plan", "print the resolved recipe and what bundle would write, and why", "nothing",
		"nothing",
		"Prints the chain of recipes, each variable with its value and who set it, each "
		"file "
		"of the overlay with the layer it comes from and what it replaces, what each part "
		"of the "
		"user-data costs, and each product with size and digest. Changes nothing.",
		goal_plan },
	{ "disk", "build out/RECIPE/disk.raw as well: a hardened image that boots as a hub",
		"the bundle and, beside it, disk.raw, disk.json, sbom.spdx.json",
		"mkfs.vfat and mtools; for a debian: base also mmdebstrap, and root or user namespaces",
		"Makes a root file system of the base, the overlay and what the image section says, "
		"and "
		"writes it into a disk image with a partition table, an EFI system partition and an "
		"ext4 "
		"root, without root, loop devices or mounts. The same inputs give the same bytes. A "
		"debian base is kept in ~/.cache/imgbuild (or XDG_CACHE_HOME); --update asks the "
		"mirror "
		"for newer packages. An image whose inputs have not changed is left as it is.",
		goal_disk },
	{ "boot", "boot the image here and wait until the hub says that it is ready",
		"as disk; a failed boot leaves its console in out/.RECIPE.boot/",
		"as disk; qemu-system-x86_64, qemu-img, OVMF, libmicrohttpd; with --ssh, --keep or "
		"--adhoc also ssh",
		"Starts QEMU, with KVM where a trial shows that it works, on a copy-on-write view of "
		"the image, as an EC2 instance that is given this recipe's user-data by a local "
		"metadata service. Services of this machine play SSM, Secrets Manager, S3 and Route "
		"53, with keys made at random, so that secrets and the way into the pool are "
		"exercised; in the end it prints what the hub asked for. Exit status 1 when the hub "
		"was not ready in time: what was missing is told, and the console is kept.",
		goal_boot },
	{ "ami", "send the image to EC2, by what differs from the last one, and register it",
		"as disk; a snapshot and an AMI in AWS; out/RECIPE/state.json with their ids",
		"as disk; AWS credentials (README: permissions), libcurl; with --boot-first as boot",
		"Searches the finished image for secrets, and stops where it finds any (exit status "
		"1). Then what is there is used: an AMI of the same content is taken as it is, and on "
		"top of the snapshot of an earlier image only the blocks that differ are sent. An "
		"upload that was interrupted in any way goes on where it was. The AMI boots by UEFI, "
		"has a TPM, answers metadata requests by IMDSv2 alone, and its root volume goes with "
		"its instance. --output-env FILE gets AMI_ID, SNAPSHOT_ID and AMI_REGION.",
		goal_ami },
	{ "publish", "bring the AMI to regions, accounts, parameters and running groups",
		"what the publish section says, in AWS; out/RECIPE/state.json", "as ami",
		"Does what is missing, so that a second run finishes a first: copies the AMI to the "
		"regions, or uploads there, sets launch permissions, deprecation and deregistration "
		"protection, makes launch template versions, sets the SSM parameter last, when all of "
		"the region is done, and refreshes Auto Scaling groups, one region after another, "
		"watched to the end. A region that fails does not hold back the others; a refresh "
		"that fails ends the refreshes. --rollback goes back to the parameter's value before "
		"and refreshes again.",
		goal_publish },
	{ "verify", "read the AMI's snapshot back and compare it with the image", "nothing",
		"AWS credentials",
		"Compares every block with the digests of the image in out/RECIPE, or, where there is "
		"none, with those that the snapshot itself carries and that its tag vouches for. No "
		"instance is started. Exit status 1 when blocks differ.",
		goal_verify },
	{ "gc", "remove old AMIs of the recipe, and what failed runs left", "nothing",
		"AWS credentials",
		"Keeps the newest (keep: 3), and all that an instance, a launch template version, an "
		"Auto Scaling group or a parameter of this account has (of type aws:ec2:image, or "
		"String and StringList ones with the id in their text), that are shared (unless "
		"--shared) or protected by "
		"hand (protection by the recipe's own publish is taken off). Removes the others with "
		"their snapshots, and snapshots without an image that runs left a day ago or before. "
		"What cannot be listed is taken to be in use: nothing of "
		"that region is removed then; only parameters of plain text that may not be read "
		"are passed over, and counted. --dry-run prints the table alone.",
		goal_gc },
	{ "diff", "print what changed, file by file, since the set before", "nothing",
		"a set in out/RECIPE",
		"Compares the set in out/RECIPE with the one before it, or with --against PATH: "
		"variables, inputs, products, and the files inside of the overlay. Exit status 1 "
		"when "
		"there are changes.",
		goal_diff },
};
const size_t GOAL_COUNT = sizeof(GOALS) / sizeof(GOALS[0]);
const struct goal *const GOAL_DEFAULT = &GOALS[1];

static const char *goal_name(const void *ctx, size_t i)
{
	(void)ctx;
	return GOALS[i].name;
}

const struct goal *goal_find(const char *name)
{
	for (size_t i = 0; i < GOAL_COUNT; i++)
		if (strcmp(GOALS[i].name, name) == 0)
			return &GOALS[i];
	return NULL;
}

const char *goal_nearest(const char *name)
{
	return text_nearest(name, goal_name, NULL, GOAL_COUNT);
}
