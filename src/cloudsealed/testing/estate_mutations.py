"""Changes to the deployed estate, so that a second audit finds something new, gone or mended.

Only what the estate's own manifest speaks of is changed. It refuses to undo itself: deploy anew.
"""

from __future__ import annotations

from cloudsealed.testing.estate_data import close_bucket
from cloudsealed.testing.estate_network import open_group
from cloudsealed.testing.estate_site import HOME_REGION, MAIN_ACCOUNT, Book, EstateError, Site
from cloudsealed.testing.estate_site import open_sites as _open_sites


class EstateEditor:
    """Edits one account and region of the estate in the emulator at `endpoint`."""

    def __init__(
        self, endpoint: str, account: str = MAIN_ACCOUNT, region: str = HOME_REGION
    ) -> None:
        self.site: Site = _open_sites(endpoint, Book())[account, region]

    def mend_bucket(self, name: str = "larkspur-public-assets") -> None:
        """Take the public policy and access list off a bucket and block public access."""
        s3 = self.site.client("s3")
        s3.delete_bucket_policy(Bucket=name)
        s3.put_bucket_acl(Bucket=name, ACL="private")
        close_bucket(self.site, name)

    def spoil_bucket(self, name: str = "larkspur-records") -> None:
        """Take away a bucket's block on public access and stop its versions."""
        s3 = self.site.client("s3")
        s3.delete_public_access_block(Bucket=name)
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Suspended"})

    def delete_bucket(self, name: str = "larkspur-uploads") -> None:
        """Delete an empty bucket."""
        self.site.client("s3").delete_bucket(Bucket=name)

    def add_open_group(self, name: str = "larkspur-new-bastion") -> str:
        """Add a security group that lets the internet reach SSH; returns its id."""
        self.site.ids["larkspur-prod"] = self._vpc("larkspur-prod")
        return open_group(self.site, name, 22, {"IpRanges": [{"CidrIp": "0.0.0.0/0"}]})

    def close_group(self, name: str = "larkspur-bastion") -> None:
        """Take every incoming rule from a security group."""
        ec2 = self.site.client("ec2")
        query = [{"Name": "group-name", "Values": [name]}]
        group = ec2.describe_security_groups(Filters=query)["SecurityGroups"][0]
        ec2.revoke_security_group_ingress(
            GroupId=group["GroupId"], IpPermissions=group["IpPermissions"]
        )

    def delete_volume(self, name: str = "larkspur-spare") -> None:
        """Delete an unattached volume: a resource that a later list no longer has."""
        ec2 = self.site.client("ec2")
        query = [{"Name": "tag:Name", "Values": [name]}]
        volumes = ec2.describe_volumes(Filters=query)["Volumes"]
        if not volumes:
            raise EstateError(f"The estate has no volume {name}")
        ec2.delete_volume(VolumeId=volumes[0]["VolumeId"])

    def terminate_instance(self, name: str = "larkspur-legacy") -> str:
        """Terminate an instance, which AWS still lists for an hour; returns its id."""
        ec2 = self.site.client("ec2")
        query = [{"Name": "tag:Name", "Values": [name]}]
        found = ec2.describe_instances(Filters=query)["Reservations"]
        if not found:
            raise EstateError(f"The estate has no instance {name}")
        ident = str(found[0]["Instances"][0]["InstanceId"])
        ec2.terminate_instances(InstanceIds=[ident])
        return ident

    def _vpc(self, name: str) -> str:
        query = [{"Name": "tag:Name", "Values": [name]}]
        vpcs = self.site.client("ec2").describe_vpcs(Filters=query)["Vpcs"]
        if not vpcs:
            raise EstateError(f"The estate is not deployed in {self.site.region}")
        return str(vpcs[0]["VpcId"])
