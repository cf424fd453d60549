#include "goal/goal.h"
#include "goal/help.h"

const struct key_table KEY_TABLES[] = {
	{ "Recipe",
		"A recipe is YAML with these keys. With extends it starts from another one: vars are set "
		"anew, lists add up (-NAME takes one away), later rules in modes win, and description, "
		"daemon, sites and overlay_url replace. A text with a slash, or that ends in .yaml, is a "
		"path relative to the recipe's folder; all others are names. YAML aliases are taken and "
		"counted as the whole that they stand for; merge keys are not.",
		RECIPE_KEYS, &RECIPE_KEY_COUNT },
	{ "Variables",
		"Each variable is declared once with these keys, and set by an extending recipe with "
		"NAME: VALUE or for one run with --set NAME=VALUE. {{NAME}} stands for its value in "
		"overlay files and parts whose name ends in .in (the ending goes), in values of vars, in "
		"overlay_url, in the value of sites, and in a sites file; {{{{ is a literal {{. Unknown "
		"names and variables that nothing uses are errors.",
		VAR_KEYS, &VAR_KEY_COUNT },
	{ "Modes",
		"A rule for a path on the hub, or, with /* at its end, for all below a folder. Without "
		"one a file is root's, 0755 if its owner may run it and else 0644.",
		MODE_KEYS, &MODE_KEY_COUNT },
	{ "Image",
		"What the disk image is made of beside the bundle's overlay. A recipe that extends "
		"another one says only what differs: base, size, arch and label replace, lists add up "
		"(-ITEM takes one away), later rules in modes win.",
		IMAGE_KEYS, &IMAGE_KEY_COUNT },
	{ "Base", "Either debian or tar.", BASE_KEYS, &BASE_KEY_COUNT },
	{ "AMI",
		"What the disk image becomes on AWS. A recipe that extends another one says only what "
		"differs: single values replace, tags add up, and an empty one takes a tag away.",
		AMI_KEYS, &AMI_KEY_COUNT },
	{ "Publish",
		"Where and to whom the AMI is made known. Lists add up (-ITEM takes one away), all else "
		"replaces.",
		PUBLISH_KEYS, &PUBLISH_KEY_COUNT },
	{ "Region",
		"A region of publish's regions; one without keys is a plain copy. A region written as "
		"-NAME takes away what a base recipe brought.",
		REGION_KEYS, &REGION_KEY_COUNT },
	{ "Refresh", "How Auto Scaling groups replace their instances (instance refresh).",
		REFRESH_KEYS, &REFRESH_KEY_COUNT },
	{ "Sites", "Sites are a list of records, or a map with what holds for all of them.",
		SITES_KEYS, &SITES_KEY_COUNT },
	{ "Site",
		"One record for each branch. All are checked against one another: subnets that overlap, "
		"names, ids or peers that come twice, the VPC or the hub's subnet inside a site's. IKEv1 "
		"main mode chooses the key by the peer's address, so all IKEv1 sites with peer any have "
		"to share one key and one set of proposals.",
		SITE_KEYS, &SITE_KEY_COUNT },
	{ "Crypto",
		"In place of a profile's name, proposals of one's own: CIPHER-INTEG-GROUP for IKE "
		"(CIPHER-prfHASH-GROUP with an AEAD cipher), CIPHER-INTEG or an AEAD CIPHER for ESP, in "
		"the words of swanctl.conf(5).",
		CRYPTO_KEYS, &CRYPTO_KEY_COUNT },
};
const size_t KEY_TABLE_COUNT = sizeof(KEY_TABLES) / sizeof(KEY_TABLES[0]);
