"""What the issuers of keys and tokens made recognisable: one row for a form.

Source: each issuer's own documentation of the form, GitHub's list of the patterns that secret
scanning supports, and the RFCs for PEM (7468), JWT (7519), basic authentication (7617) and URIs
(3986). Refuses to guess: text that only looks random is no row here.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from cloudsealed.collectors.secrets.references import is_reference


@dataclass(frozen=True, slots=True)
class Format:
    """A form of secrets: a text without any of `marks` holds none, and `holds` may refuse what
    `pattern` found (its first group, else all of it)."""

    kind: str
    marks: tuple[str, ...]
    pattern: re.Pattern[str]
    holds: Callable[[str], bool] = lambda found: True

    def finds(self, text: str) -> bool:
        """Whether the text holds such a secret."""
        found = self.pattern.finditer(text)
        return any(self.holds(match[match.lastindex or 0]) for match in found)


def _is_jwt(text: str) -> bool:
    head = text.partition(".")[0]
    try:
        header = json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    except (ValueError, binascii.Error):
        return False
    return isinstance(header, dict) and "alg" in header


def _is_credential(text: str) -> bool:
    return not is_reference(text)


def _is_no_example(text: str) -> bool:
    return not text.endswith("EXAMPLE")


def _basic(text: str) -> bool:
    try:
        user, colon, password = base64.b64decode(text, validate=True).decode().partition(":")
    except (ValueError, binascii.Error):
        return False
    return bool(colon) and user.isprintable() and _is_credential(password)


def _is_discord(text: str) -> bool:
    """Whether the first part says the number of an account, as Discord's bot tokens do."""
    head = text.partition(".")[0]
    try:
        return base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)).isdigit()
    except (ValueError, binascii.Error):
        return False


def _row(
    kind: str, marks: str, pattern: str, holds: Callable[[str], bool] = lambda found: True
) -> Format:
    return Format(kind, tuple(marks.split()), re.compile(pattern), holds)


FORMATS: Final = (
    # keys of any kind
    _row(
        "private_key",
        "-----BEGIN",
        r"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----(?:\s|\\[rn])*[A-Za-z0-9+/]",
    ),
    _row("private_key", "PuTTY-User-Key-File-", r"PuTTY-User-Key-File-\d: "),
    _row("private_key", "AGE-SECRET-KEY-1", r"\bAGE-SECRET-KEY-1[0-9A-Z]{58}\b"),
    _row("jwt", "eyJ", r"\b(eyJ[\w-]{8,1000}\.eyJ[\w-]{5,4000}\.[\w-]{10,2000})", _is_jwt),
    _row(
        "url_with_credentials",
        "://",
        r"\b[a-zA-Z][\w+.-]{1,30}://[^\s/:@\"'<>]{0,256}:([^\s/@\"']{1,256})@",
        _is_credential,
    ),
    _row("basic_authentication", "Basic", r"\bBasic ([A-Za-z0-9+/]{8,2000}={0,2})", _basic),
    _row(
        "basic_authentication",
        "auths",
        r"\\?\"auth\\?\"\s{0,8}:\s{0,8}\\?\"([A-Za-z0-9+/]{8,2000}={0,2})\\?\"",
        _basic,
    ),
    _row(
        "bearer_token",
        "Bearer bearer",
        r"(?i)\bbearer\s{1,2}((?=[\w.~+/-]*\d)[\w.~+/-]{20,}=*)",
        _is_credential,
    ),
    # clouds
    _row(
        "aws_access_key",
        "AKIA ASIA",
        r"(?<![A-Za-z0-9+/])(?:AKIA|ASIA)[A-Z2-7]{16}(?![A-Za-z0-9+/])",
        _is_no_example,
    ),
    _row("aws_bedrock_key", "ABSK", r"\bABSK[A-Za-z0-9+/]{109,269}={0,2}"),
    _row("google_api_key", "AIza", r"\bAIza[\w-]{33,36}(?![\w-])"),
    _row("google_oauth_secret", "GOCSPX-", r"\bGOCSPX-[\w-]{28}(?![\w-])"),
    _row("google_oauth_token", "ya29.", r"\bya29\.[\w-]{30,}"),
    _row("azure_storage_key", "AccountKey=", r"AccountKey=[A-Za-z0-9+/]{86}=="),
    _row("azure_shared_key", "SharedAccessKey=", r"SharedAccessKey=[A-Za-z0-9+/]{40,}={0,2}"),
    _row("azure_client_secret", "8Q~", r"(?<![\w~.-])[\w~.-]{3}8Q~[\w~.-]{31,34}(?![\w~.-])"),
    _row("azure_signature", "sig=", r"[?&]sig=[A-Za-z0-9%+/]{40,}"),
    _row("azure_devops_token", "AZDO", r"\b[A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4}\b"),
    _row("digitalocean_token", "_v1_", r"\bdo[opr]_v1_[0-9a-f]{64}\b"),
    _row("alibaba_access_key", "LTAI", r"\bLTAI[A-Za-z0-9]{17,21}\b"),
    _row(
        "scaleway_key",
        "SCW_SECRET_KEY",
        r"SCW_SECRET_KEY[\"']?\s{0,2}[:=]\s{0,2}[\"']?[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}",
    ),
    # code and packages
    _row(
        "github_token",
        "ghp_ gho_ ghu_ ghs_ ghr_ github_pat_",
        r"\b(?:gh[pousr]_[A-Za-z0-9]{36,251}|github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}|github_pat_\w{22,251})",
    ),
    _row("gitlab_token", "gl", r"\bgl(?:pat|dt|rt|ptt|cbt|soat|imt|agent|oas|ft|ffct)-[\w-]{20,}"),
    _row("bitbucket_token", "ATBB ATCTT3", r"\b(?:ATBB[A-Za-z0-9]{32}|ATCTT3[\w=-]{50,})"),
    _row("npm_token", "npm_", r"\bnpm_[A-Za-z0-9]{36}\b"),
    _row("pypi_token", "pypi-AgE", r"\bpypi-AgE[\w-]{50,}"),
    _row("rubygems_key", "rubygems_", r"\brubygems_[0-9a-f]{48}\b"),
    _row("crates_token", "cio", r"\bcio[A-Za-z0-9]{32}\b"),
    _row("docker_token", "dckr_", r"\bdckr_(?:pat|oat)_[\w-]{27,}"),
    _row("circleci_token", "CCIP", r"\bCCIP(?:AT|RT)_[\w-]{20,}"),
    _row("buildkite_token", "bk", r"\bbk(?:ua|at|ct)_[0-9a-f]{40}\b"),
    _row("terraform_token", ".atlasv1.", r"\b[A-Za-z0-9]{14}\.atlasv1\.[\w=-]{60,}"),
    _row("vault_token", "hvs. hvb. hvr.", r"\bhv[sbr]\.[\w-]{24,}"),
    _row(
        "doppler_token",
        "dp.",
        r"\bdp\.(?:pt|st|ct|sa|scim|audit)\.(?:[\w-]{2,35}\.)?[A-Za-z0-9]{40,44}\b",
    ),
    _row("onepassword_token", "ops_eyJ", r"\bops_eyJ[A-Za-z0-9+/=]{100,}"),
    _row("pulumi_token", "pul-", r"\bpul-[0-9a-f]{40}\b"),
    _row("databricks_token", "dapi", r"\bdapi[0-9a-f]{32}(?:-\d)?\b"),
    _row("heroku_key", "HRKU-", r"\bHRKU-[\w-]{36,}"),
    _row("vercel_token", "vc", r"\bvc[pikarc]_[A-Za-z0-9]{50,}\b"),
    _row("netlify_token", "nf", r"\bnf[pcou]_[A-Za-z0-9]{36}\b"),
    _row("cloudflare_key", "v1.0-", r"\bv1\.0-[0-9a-f]{24}-[0-9a-f]{146}\b"),
    _row("planetscale_token", "pscale_", r"\bpscale_(?:tkn|pw|oauth)_[\w.-]{32,}"),
    _row("supabase_token", "sbp_ sb_secret_", r"\b(?:sbp_[0-9a-f]{40}|sb_secret_[\w-]{31,})"),
    _row("mongodb_key", "mdb_sa_sk_", r"\bmdb_sa_sk_[\w-]{40}"),
    _row("postman_key", "PMAK-", r"\bPMAK-[0-9a-f]{24}-[0-9a-f]{34}\b"),
    _row("sonar_token", "sq", r"\bsq[apu]_[0-9a-f]{40}\b"),
    _row("snyk_token", "snyk_", r"\bsnyk_(?:uat|sat)\.[0-9a-f]{8}\.[\w.-]{40,}"),
    # talk and mail
    _row(
        "slack_token",
        "xox xapp-",
        r"\b(?:xox[abceoprs]-(?:\d-)?[\w-]{10,}|xapp-\d-[A-Z0-9]+-\d+-[0-9a-z]{20,})",
    ),
    _row(
        "webhook_url",
        "hooks.slack.com",
        r"hooks\.slack\.com/(?:services|workflows|triggers)/T?[A-Z0-9]{6,}/[A-Z0-9]{6,}/[A-Za-z0-9]{18,}",
    ),
    _row(
        "webhook_url", "/api/webhooks/", r"discord(?:app)?\.com/api/webhooks/\d{17,20}/[\w-]{60,}"
    ),
    _row(
        "webhook_url",
        "webhook.office.com",
        r"webhook\.office\.com/webhookb2/[0-9a-f-]{36}@[0-9a-f-]{36}/IncomingWebhook/[0-9a-f]{32}",
    ),
    _row("webhook_url", "hooks.zapier.com", r"hooks\.zapier\.com/hooks/catch/\d{5,}/[a-z0-9]{6,}"),
    _row(
        "discord_token",
        ".",
        r"(?<![\w.-])([MNO][\w-]{23,27}\.[\w-]{6}\.[\w-]{27,38})(?![\w.-])",
        _is_discord,
    ),
    _row("telegram_token", ":AA", r"(?<!\w)\d{8,10}:AA[\w-]{33}(?![\w-])"),
    _row("sendgrid_key", "SG.", r"\bSG\.[\w-]{22}\.[\w-]{43}(?![\w-])"),
    _row("mailgun_key", "key-", r"\bkey-[0-9a-f]{32}\b"),
    _row("mailchimp_key", "-us", r"\b[0-9a-f]{32}-us\d{1,2}\b"),
    _row("brevo_key", "xkeysib-", r"\bxkeysib-[0-9a-f]{64}-[A-Za-z0-9]{16}\b"),
    _row("resend_key", "re_", r"\bre_[A-Za-z0-9]{8}_[A-Za-z0-9]{20,}\b"),
    # money
    _row("stripe_key", "sk_ rk_", r"\b[rs]k_(?:live|test)_\w{16,}"),
    _row("webhook_secret", "whsec_", r"\bwhsec_[A-Za-z0-9+/=]{24,}"),
    _row("square_token", "EAAA sq0", r"\b(?:EAAA[\w-]{60}|sq0(?:atp|csp)-[\w-]{22,43})(?![\w-])"),
    _row("shopify_token", "shp", r"\bshp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}\b"),
    _row(
        "braintree_token",
        "access_token$",
        r"access_token\$(?:production|sandbox)\$[0-9a-z]{16}\$[0-9a-f]{32}",
    ),
    _row(
        "plaid_token",
        "access-",
        r"\baccess-(?:production|development|sandbox)-[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b",
    ),
    # observation
    _row(
        "grafana_token",
        "glsa_ glc_",
        r"\b(?:glsa_[A-Za-z0-9]{32}_[0-9a-f]{8}|glc_[A-Za-z0-9+/]{32,}={0,2})",
    ),
    _row(
        "new_relic_key",
        "NRAK- NRAL NRJS- NRRA-",
        r"\b(?:NRAK-[A-Z0-9]{27}|[0-9a-f]{36}NRAL|NRJS-[0-9a-f]{19}|NRRA-[0-9a-f]{42})\b",
    ),
    _row("dynatrace_token", "dt0", r"\bdt0[cs]\d{2}\.[A-Z0-9]{24}\.[A-Z0-9]{64}\b"),
    _row("sentry_token", "sntry", r"\bsntry[su]_[\w+/=-]{40,}"),
    _row(
        "launchdarkly_key",
        "sdk- api-",
        r"\b(?:sdk|api)-[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b",
    ),
    # models and work
    _row("anthropic_key", "sk-ant-", r"\bsk-ant-[\w-]{20,}"),
    _row(
        "openai_key",
        "sk-",
        r"\bsk-(?:(?:proj|svcacct|admin|None)-)?(?=[\w-]*\d)[A-Za-z0-9][\w-]{31,}",
    ),
    _row("hugging_face_token", "hf_", r"\bhf_[A-Za-z0-9]{34}\b"),
    _row("replicate_token", "r8_", r"\br8_[A-Za-z0-9]{37}\b"),
    _row("groq_key", "gsk_", r"\bgsk_[A-Za-z0-9]{48,56}\b"),
    _row("perplexity_key", "pplx-", r"\bpplx-[A-Za-z0-9]{40,}\b"),
    _row("atlassian_token", "ATATT3", r"\bATATT3[\w=-]{50,}"),
    _row("linear_key", "lin_", r"\blin_(?:api|oauth)_[A-Za-z0-9]{32,}\b"),
    _row("notion_token", "ntn_ secret_", r"\b(?:ntn_[A-Za-z0-9]{40,}|secret_[A-Za-z0-9]{43})\b"),
    _row("airtable_token", "pat", r"\bpat[A-Za-z0-9]{14}\.[0-9a-f]{64}\b"),
    _row("figma_token", "figd_", r"\bfigd_[\w-]{36,}"),
    _row(
        "hubspot_token",
        "pat-",
        r"\bpat-(?:na|eu|ap)\d-[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b",
    ),
    _row("facebook_token", "EAA", r"\bEAA[A-Za-z0-9]{80,}\b"),
    _row("contentful_token", "CFPAT-", r"\bCFPAT-[\w-]{43,}"),
    _row("cloudsealed_token", "cs", r"\bcs(?:pat|at|rt|ac|cs|se|in)_[A-Za-z0-9]{38}\b"),
    # passwords that commands, statements and files are given
    _row(
        "password_assignment",
        "mysql",
        r"\bmysql(?:dump|admin|import)?\b[^\n|;]{0,512}\s-p(?=[^\s-])[\"']?([^\s\"']+)",
        _is_credential,
    ),
    _row("password_assignment", "sshpass", r"\bsshpass\s+-p\s*[\"']?([^\s\"']+)", _is_credential),
    _row(
        "password_assignment",
        "curl wget http",
        r"\b(?:curl|wget|http)\b[^\n]{0,512}\s(?:-u|--user)[ =]?[\"']?[^\s:\"'$/]+:([^\s\"']+)",
        _is_credential,
    ),
    _row(
        "password_assignment",
        "login",
        r"\b(?:docker|podman|helm|az|oras|skopeo)\b[^\n]{0,512}\blogin\b[^\n]{0,512}\s-p[ =]?[\"']?([^\s\"']+)",
        _is_credential,
    ),
    _row(
        "password_assignment",
        "user USER User",
        r"(?i)\bnet\s+user\s+\S+\s+[\"']?([^\s\"'*/]+)[\"']?\s+/",
        _is_credential,
    ),
    _row(
        "password_assignment",
        "chpasswd",
        r"\becho\s+[\"']?[\w.-]+:([^\s\"']+)[\"']?\s*\|\s*(?:sudo\s+)?chpasswd",
        _is_credential,
    ),
    _row(
        "password_assignment",
        "passwd login realm kinit adcli sudo",
        r"\becho\s+[\"']?([^\s\"']+)[\"']?\s*\|\s*(?:sudo\s+(?!-S))?"
        r"(?:passwd\s+--stdin|docker\s+login|realm\s+join|kinit|adcli\s+join|sudo\s+-S)\b",
        _is_credential,
    ),
    _row(
        "password_assignment",
        "redis-cli mosquitto_",
        r"\b(?:redis-cli\b[^\n|;]{0,512}\s-a|mosquitto_[ps]ub\b[^\n|;]{0,512}\s-P)"
        r"\s{1,8}[\"']?([^\s\"']+)",
        _is_credential,
    ),
    _row(
        "password_assignment",
        "chpasswd:",
        r"\bchpasswd:\s[^#]{0,200}?\blist:\s*(?:[|>][+-]?\s+|-\s+)?[\w.-]+:(?!R(?:ANDOM)?\s)([^\s\"']+)",
        _is_credential,
    ),
    _row(
        "password_assignment",
        "define(",
        r"(?i)\bdefine\(\s{0,8}[\"']\w*(?:password|passwd|secret)\w*[\"']\s{0,8},\s{0,8}"
        r"[\"']([^\"'\n]+)[\"']",
        _is_credential,
    ),
    _row(
        "password_assignment",
        "value= Value=",
        r"(?i)\b(?:key|name)=\\?[\"'][\w.:-]*(?:password|passwd|secret|apikey)\\?[\"']\s{1,8}"
        r"value=\\?[\"']([^\"'\\\n]{4,256})\\?[\"']",
        _is_credential,
    ),
    _row(
        "password_assignment",
        "dentified DENTIFIED",
        r"(?i)\bidentified\s+(?:with\s+\w+\s+)?by\s+(?:password\s+)?[\"']([^\"'\n]+)[\"']",
        _is_credential,
    ),
    _row(
        "password_assignment",
        "assword ASSWORD",
        r"(?i)\bwith\s+(?:encrypted\s+)?password\s+[\"']([^\"'\n]+)[\"']",
        _is_credential,
    ),
    _row(
        "password_assignment",
        "</",
        r"(?i)<(?:\w*(?:password|passwd|secret|apikey|token))>([^<\s]{4,256})</",
        _is_credential,
    ),
    _row(
        "password_assignment",
        "ecure",
        r"(?i)\bconvertto-securestring\s+(?:-string\s+)?[\"']([^\"'\n]+)[\"']",
        _is_credential,
    ),
    _row(
        "password_assignment",
        ":",
        r"(?m)^[\w.*-]+:(?:\d+|\*):[\w.*-]+:[\w.*-]+:(\S+)$",
        _is_credential,
    ),
    _row(
        "password_assignment",
        "htpasswd",
        r"\bhtpasswd\s+-\w*b\w*\s+\S+\s+\S+\s+[\"']?([^\s\"']+)",
        _is_credential,
    ),
)
MARKED: Final = tuple((mark, form) for form in FORMATS for mark in form.marks)
"""Every form beside each of its marks: most texts hold none, which is the cheapest thing to see."""
