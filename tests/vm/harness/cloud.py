"""AWS as a hub sees it, and the package server: all on this machine's loopback.

The services are tests/hub/fake_aws.py, which refuse what AWS refuses. The world guest makes them
appear at 169.254.169.254 and, by the names aws.test and deb.test, at the VPC's service address.
"""
import importlib.util
import os
import sys

from . import bundle, web, world
from .report import Skip

REGION = "eu-west-1"
ZONE = "Z0123456789ABCDEFGHIJ"
HOST = "aws.test"
CA_PATH = "/etc/hub/ca.pem"


def require():
    for module, package in (("botocore", "python3-botocore"),):
        if importlib.util.find_spec(module) is None:
            raise Skip("Python's %s is missing (Debian: %s)" % (module, package))


def _fake_aws():
    folder = os.path.join(bundle.ROOT, "tests", "hub")
    if folder not in sys.path:
        sys.path.insert(0, folder)
    import fake_aws  # pylint: disable=import-outside-toplevel
    return fake_aws


class Metadata(dict):
    """As the fake's, with public-keys/ a folder whose listing is not its members."""

    def __iter__(self):
        return (path for path in super().__iter__() if path != "meta-data/public-keys")


class Cloud:
    """For one hub. `aws` is the FakeAws, `hub` what the world has to know."""

    def __init__(self, debs, tls=True):
        fake = _fake_aws()
        self.files = web.Files(debs)
        self.aws = fake.FakeAws(REGION, tls=tls, advertise=HOST)
        self.aws.zones[ZONE] = fake.Zone(world.POOL_NAME.partition(".")[2])
        self.hub = world.Hub(1, self.aws.servers["imds"].server_address[1])
        self.aws.metadata = Metadata(self.aws.metadata)
        self.aws.metadata.update(self._metadata())

    def __enter__(self):
        self.aws.__enter__()
        return self

    def __exit__(self, *error):
        self.aws.__exit__(*error)
        self.files.close()

    def ports(self):
        """Loopback ports by the port of the VPC's service address they are to appear at."""
        found = {80: self.files.port}
        for service, server in self.aws.servers.items():
            if service != "imds":
                found[server.server_address[1]] = server.server_address[1]
        return found

    def settings(self):
        """The recipe's variables that differ from AWS's own, and the CA's text."""
        names = {name + "_endpoint": url for name, url in self.aws.endpoints.items()
                 if name != "imds"}
        if not self.aws.ca:
            return names, None
        with open(self.aws.ca, encoding="ascii") as file:
            return dict(names, ca_file=CA_PATH), file.read()

    def serve_user_data(self, data):
        self.aws.metadata["user-data"] = data

    def serve_public_key(self, line):
        """The key pair of the launch: a line of authorized_keys."""
        self.aws.metadata.update({"meta-data/public-keys": "0=vm",
                                  "meta-data/public-keys/0/openssh-key": line})

    def pool(self):
        """The addresses that Route 53 has for the pool's name."""
        return [value["Value"] for record in self.aws.zones[ZONE].records
                if record["Name"] == world.POOL_NAME + "." and record["Type"] == "A"
                for value in record["ResourceRecords"]]

    def _metadata(self):
        name = "ip-%s.%s.compute.internal" % (self.hub.private.replace(".", "-"), REGION)
        nic = "meta-data/network/interfaces/macs/%s/" % self.hub.mac
        return {
            "meta-data/local-ipv4": self.hub.private, "meta-data/public-ipv4": self.hub.elastic,
            "meta-data/mac": self.hub.mac, "meta-data/hostname": name,
            "meta-data/local-hostname": name, "meta-data/services/domain": "amazonaws.com",
            # without one cloud-init takes it for an EC2 Classic instance
            nic + "vpc-id": "vpc-0123456789abcdef0",
            nic + "mac": self.hub.mac, nic + "device-number": "0",
            nic + "local-ipv4s": self.hub.private, nic + "public-ipv4s": self.hub.elastic,
            nic + "subnet-ipv4-cidr-block": "172.16.1.0/24",
            nic + "vpc-ipv4-cidr-block": "172.16.0.0/16",
        }
