"""What of a remediation takes something away: deletes, cuts off, or writes over what stands there.

It knows verbs of command lines and attributes of Terraform, not what a command is for: it would
rather name one that is harmless than miss one. It refuses to run or to change anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

_VERBS = re.compile(
    r"(?:batch-delete|cancel|deactivate|delete|deny|deprovision|deregister|destroy|detach|disable"
    r"|disassociate|dissociate|drain|empty|expire|kill|prune|purge|put|reboot|reject|release|remove"
    r"|replace|reset|restart|retire|revoke|rotate|schedule|set|shutdown|stop|suspend|swap|terminate"
    r"|truncate|unassign|uninstall|unlink|unsubscribe|untag|wipe)(?:-.*)?"
)
"""What an operation begins with, or is: `delete-volume`, `put-bucket-policy`, `vm stop`.

`put` and `set` write a whole document over the one that was there.
"""
_OPERATIONS = re.compile(
    r"associate-encryption-config|associate-ip-groups|change-resource-record-sets"
    r"|enable-hosted-zone-dnssec|enable-radius|update-account-password-policy|update-agent"
    r"|update-assume-role-policy|update-backup-plan|update-cluster-version|update-data-source"
    r"|update-distribution|update-graphql-api|update-guardrail|update-identity-pool|update-pipeline"
    r"|update-prompt|update-schedule|update-user-pool(?:-client)?|update-web-acl|rebootIfNeeded"
    r"|format|mkfs.*|dd|rb|rd|rm|rmdir"
)
"""Other operations that reset what they do not name, cut off, or cannot be taken back."""
_FLAGS = re.compile(
    r"--(?:account-ids-to-remove|allow-major-version-upgrade|auto-approve|delete|destroy|force.*"
    r"|grace-period|no-publicly-accessible|prune|purge|rotate|rule-action|set-as-default|skip-final-.*"
    r"|values-to-remove|yes)"
)
"""Options that take away, cut off, or ask nobody."""
_REPLACING = re.compile(
    r"--(?:auth-type|authorization-type|db-instance-class|default-actions|engine-version"
    r"|environment(?:-variables)?|groups|http-tokens"
    r"|instance-type|protocols|resources-vpc-config|runtime|security-groups"
    r"|security-policy-name|ssl-policy|user-data"
    r"|vpc-zone-identifier)"
)
"""Options that replace a list, restart or cut off, unless what has them is only being created."""
_STATES = re.compile(r"(?i)--status[ =]disabled\b")
"""Values that switch off, of options that may do other things."""
_CANCELS_AN_END = re.compile(r"\bcancel-\S*(?:deletion|shutdown)\b")
_ANEW = re.compile(
    r"resource \"(?:aws_default_\w+|\w+_policy|aws_ecr_registry_\w+)\""
    r"|\b(?:storage_)?encrypted\s*=\s*true|\b(?:associate_public_ip_address|availability_zone"
    r"|authorization_type|default_actions?|engine_version|http_tokens|instance_class|instance_type"
    r"|policy_names|publicly_accessible|retention_in_days|runtime|ssl_policy|subnets|user_data\w*"
    r"|vpc_zone_identifier|force_destroy|skip_final_snapshot|version)\s*="
)
"""Terraform that makes a resource anew (`encrypted`), owns all of a list, restarts or cuts off."""
_ENDS = re.compile(r"""[\s=;|&(){}\[\],"']+""")
_SAYS_SO = re.compile(r"(?i)\b(?:delete|terminate|release|remove|detach|revoke|destroy)\b")


UNSAID = (
    "This deletes, cuts off or writes over something, and its policy does not say what: look before"
    " you run it."
)
"""What is said of a remediation that takes something away and does not say so itself."""


def dangers(remedy: Mapping[str, Any]) -> list[str]:
    """Return what of a remediation takes something away, in its words; empty where nothing does.

    `remedy` has `summary`, `cli` and `terraform`, as `Remediation.as_dict` has them.
    """
    summary, cli, terraform = (remedy.get(name) or "" for name in ("summary", "cli", "terraform"))
    found = [*_SAYS_SO.findall(summary), *dangerous_words(cli)]
    return [*found, *(match[0] for match in _ANEW.finditer(terraform))]


def caution_of(remedy: Mapping[str, Any]) -> str | None:
    """Return what a remediation takes away, in its policy's words, or in ours where that has none;
    None where nothing does."""
    return remedy.get("caution") or (UNSAID if dangers(remedy) else None)


def dangerous_words(commands: str) -> Iterator[str]:
    """Yield the words by which command lines take something away."""
    for line in _CANCELS_AN_END.sub("", commands).splitlines():
        words = [word[:1].lower() + word[1:] for word in _ENDS.split(line)]
        creates = any(word.startswith("create-") for word in words)
        kinds = (
            (_VERBS, _OPERATIONS, _FLAGS) if creates else (_VERBS, _OPERATIONS, _FLAGS, _REPLACING)
        )
        yield from (word for word in words if any(kind.fullmatch(word) for kind in kinds))
        yield from _STATES.findall(line)
