/*
 * What the account needs around the hubs, as documents to use as they are or to copy from.
 *
 *   deploy/security-group.json   for `aws ec2 authorize-security-group-ingress --group-id ID
 *                                --cli-input-json file://security-group.json`
 *   deploy/iam-policy.json       the hub's role (IAM policy, version 2012-10-17)
 *   deploy/launch-template.json  RequestLaunchTemplateData, for `aws ec2 create-launch-template
 *                                --launch-template-data file://launch-template.json`
 *   deploy/fleet.yaml            CloudFormation: all of these and an Auto Scaling group
 *
 * The source/destination check of the instances is left alone: hubs send with their own address.
 */
#ifndef IMGBUILD_BUNDLE_DEPLOY_H
#define IMGBUILD_BUNDLE_DEPLOY_H

#include "base/arena.h"
#include "base/buf.h"
#include "recipe/recipe.h"

/* What the documents are made from. Texts are never NULL; empty: not set. */
struct deploy {
	const char *recipe;
	const struct sites *sites;
	const char *pool_name;
	const char *hosted_zone;
	const char *region;
	const char *admin_cidr;
	const char *group;
	const char *sites_url;
	const char *overlay_url;
	const char *user_data_b64; /* base64 of user-data.ami */
};

/* Where publishing leaves the AMI's id: the default of the template's parameter. */
#define DEPLOY_AMI_PARAMETER "/imgbuild/%s/ami"
#define DEPLOY_INSTANCE_TYPE "t3.small"

must_check int deploy_security_group(const struct deploy *d, struct buf *out, struct err *e);
must_check int deploy_launch_template(const struct deploy *d, struct buf *out, struct err *e);
must_check int deploy_iam_policy(
	const struct deploy *d, struct arena *a, struct buf *out, struct err *e);
must_check int deploy_fleet(
	const struct deploy *d, struct arena *a, struct buf *out, struct err *e);

/* One rule of the security group. */
struct ingress {
	const char *protocol; /* "udp", "tcp", or a number of the IANA protocol list */
	int port;             /* -1: the protocol has none */
	const char *from;     /* NULL: admin_cidr */
	const char *why;
};
extern const struct ingress INGRESS[];
extern const size_t INGRESS_COUNT;

#endif
