"""Files of manifests as a cluster: `kubectl get -o json`, folders of YAML, Helm's output.

A manifest is judged as the API server would have taken it, so what a server adds is added first.
What is not in the files is not said to be absent: a kind of which there is no object at all is a
list that nobody has asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import orjson
import yaml

from cloudsealed.collectors.calling.places import Places
from cloudsealed.collectors.errors import CloudAccessError
from cloudsealed.collectors.kubernetes.defaults import with_defaults, without_containers
from cloudsealed.collectors.kubernetes.fitting import MisfitError, fitted
from cloudsealed.collectors.kubernetes.former import current
from cloudsealed.collectors.kubernetes.shapes import shape_of
from cloudsealed.collectors.kubernetes.stored import GIVEN, KUBELET, storable_list
from cloudsealed.collectors.kubernetes.texts import documents
from cloudsealed.collectors.model import GLOBAL, Answer, Caller, CallRequest, Place, Unit, unit_of
from cloudsealed.collectors.provider import Identity, Regions
from cloudsealed.collectors.redaction import redact
from cloudsealed.collectors.storable import storable
from cloudsealed.kit.clock import Clock
from cloudsealed.vocabulary import CallOutcome, Provider

SUFFIXES = (".yaml", ".yml", ".json")
_LARGEST = 64 * 2**20
_MOST = 200_000
"""So many objects no cluster has; what aliases multiply ends here."""
KINDS: Mapping[str, tuple[str, str]] = {
    "Namespace": ("core", "namespaces"),
    "Node": ("core", "nodes"),
    "Pod": ("core", "pods"),
    "Service": ("core", "services"),
    "ServiceAccount": ("core", "serviceaccounts"),
    "ConfigMap": ("core", "configmaps"),
    "PersistentVolume": ("core", "persistentvolumes"),
    "PersistentVolumeClaim": ("core", "persistentvolumeclaims"),
    "ResourceQuota": ("core", "resourcequotas"),
    "LimitRange": ("core", "limitranges"),
    "Deployment": ("apps", "deployments"),
    "ReplicaSet": ("apps", "replicasets"),
    "DaemonSet": ("apps", "daemonsets"),
    "StatefulSet": ("apps", "statefulsets"),
    "Job": ("batch", "jobs"),
    "CronJob": ("batch", "cronjobs"),
    "HorizontalPodAutoscaler": ("autoscaling", "horizontalpodautoscalers"),
    "PodDisruptionBudget": ("policy", "poddisruptionbudgets"),
    "Ingress": ("networking.k8s.io", "ingresses"),
    "NetworkPolicy": ("networking.k8s.io", "networkpolicies"),
    "Role": ("rbac.authorization.k8s.io", "roles"),
    "RoleBinding": ("rbac.authorization.k8s.io", "rolebindings"),
    "ClusterRole": ("rbac.authorization.k8s.io", "clusterroles"),
    "ClusterRoleBinding": ("rbac.authorization.k8s.io", "clusterrolebindings"),
    "ValidatingWebhookConfiguration": (
        "admissionregistration.k8s.io",
        "validatingwebhookconfigurations",
    ),
    "MutatingWebhookConfiguration": (
        "admissionregistration.k8s.io",
        "mutatingwebhookconfigurations",
    ),
    "StorageClass": ("storage.k8s.io", "storageclasses"),
}
"""The API group and the list of each kind that is collected."""
_FORMER = ("extensions",)
"""The group that several kinds were in before they had their own."""
_GROUPS = frozenset({*(group for group, _ in KINDS.values()), *_FORMER})
"""The groups of Kubernetes itself: what says one of them is no other project's."""
_CLUSTER_WIDE = frozenset(
    {
        "Namespace",
        "Node",
        "PersistentVolume",
        "ClusterRole",
        "ClusterRoleBinding",
        "ValidatingWebhookConfiguration",
        "MutatingWebhookConfiguration",
        "StorageClass",
    }
)


class ManifestError(CloudAccessError):
    """A file of manifests cannot be read, or none of its objects can be judged."""

    code = "manifest_invalid"


@dataclass(frozen=True, slots=True)
class Found:
    """An object, and the file and number of the document in it."""

    item: Mapping[str, Any]
    file: str
    number: int


@dataclass(slots=True)
class Files:
    """What files hold: objects, and in `warnings` what is in them that is no object, or that no API
    server would take."""

    found: list[Found] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def read_manifests(paths: Iterable[Path]) -> Files:
    """Return the objects of files and of the folders' files, each file once.

    Raises ManifestError for a file that cannot be read, with the line where YAML or JSON is broken,
    and where the files hold no object at all.
    """
    read = Files()
    files = dict.fromkeys(file for path in paths for file in _files(path))
    for file in files:
        _read(file, read)
    if not read.found:
        raise ManifestError(
            read.warnings[0] if read.warnings else f"{next(iter(files))} holds no object"
        )
    return read


def _files(path: Path) -> Sequence[Path]:
    if not path.is_dir():
        return [path]
    found = sorted(
        each for each in path.rglob("*") if each.suffix.lower() in SUFFIXES and each.is_file()
    )
    if not found:
        raise ManifestError(f"{path} has no file that ends in {', '.join(SUFFIXES)}")
    return found


def _read(file: Path, read: Files) -> None:
    try:
        if file.stat().st_size > _LARGEST:
            raise ManifestError(f"{file} is larger than {_LARGEST // 2**20} MiB")
        content = file.read_bytes()
    except OSError as error:
        raise ManifestError(f"{file}: {error.strerror}") from None
    try:
        for number, document in enumerate(_documents(file, content, read.warnings), 1):
            if document is not None:
                _unfold(document, file, number, read)
    except RecursionError:
        raise ManifestError(f"{file}: a list in it holds itself") from None


def _documents(file: Path, content: bytes, warnings: list[str]) -> Iterator[Any]:
    for begin, encoding in _MARKS.items():  # PowerShell writes them
        if content.startswith(begin):
            content = content[len(begin) :].decode(encoding, "replace").encode()
    is_json = file.suffix.lower() == ".json"
    if is_json or content.lstrip().startswith(b"{"):  # in JSON there may be tabs
        try:
            yield orjson.loads(content)
        except orjson.JSONDecodeError as error:
            if is_json:
                place = f"{file}:{error.lineno}:{error.colno}"
                raise ManifestError(f"{place}: {error.msg}") from None
        else:
            return
    try:
        yield from documents(content, lambda text: warnings.append(f"{file}:{text}"))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        raise ManifestError(f"{file}{place}: {error.problem}{_hint(content)}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        why = getattr(error, "reason", type(error).__name__)
        at = getattr(error, "position", None)
        place = "" if at is None else f", at character {at + 1}"
        raise ManifestError(f"{file}: it is no YAML ({why}{place}){_hint(content)}") from None


_MARKS: Final = {b"\xef\xbb\xbf": "utf-8", b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}


def _hint(content: bytes) -> str:
    """Return what to do with a file that was no manifest yet."""
    return "; it is a template: render it first (helm template)" if b"{{" in content else ""


def _unfold(document: Any, file: Path, number: int, read: Files) -> None:
    """Take the objects of a document: itself, or those of a List."""
    place = f"{file}: document {number}"
    if not isinstance(document, dict) or not isinstance(document.get("kind"), str):
        read.warnings.append(f"{place} has no kind")
        return
    kind = document["kind"]
    items = document.get("items")
    if kind.endswith("List") and (
        isinstance(items, list) or (items is None and "items" in document)
    ):
        named = {
            "kind": kind.removesuffix("List") or None,
            "apiVersion": document.get("apiVersion"),
        }
        for item in items or ():
            _unfold({**named, **item} if isinstance(item, dict) else item, file, number, read)
        return
    if kind == _KUBELET and str(document.get("apiVersion")).startswith(_OF_KUBELETS):
        document = _as_config_map(document)
    metadata = document.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    name = metadata.get("name")
    if name is None or name == "":
        name = metadata.get("generateName")
        document = {**document, "metadata": {**metadata, "name": name}}
    if not isinstance(name, str | int | float) or name == "":
        read.warnings.append(f"{place}, a {kind}, has no metadata.name")
        return
    if len(read.found) == _MOST:
        raise ManifestError(f"{place}: there are more than {_MOST} objects")
    read.found.append(Found(document, str(file), number))


_KUBELET: Final = "KubeletConfiguration"
_OF_KUBELETS: Final = "kubelet.config.k8s.io/"


def _as_config_map(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a kubelet's configuration as kubeadm keeps it in a cluster: a file of a node is no
    object of the API."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": KUBELET, "namespace": "kube-system"},
        "data": {"kubelet": yaml.safe_dump(document)},
    }


class Manifests:
    """The objects of files by the list that they are in, as an API server would show them.

    `warnings` say what of them no API server would take. Of those that can be understood all the
    same there is a verdict; the others are left out.
    """

    def __init__(self, files: Files) -> None:
        self._lists: dict[tuple[str, str], dict[tuple[str, str], Any]] = {}
        self._places: dict[tuple[str, ...], str] = {}
        self.warnings = [*files.warnings]
        self.other: dict[str, int] = {}
        """How many objects there are of kinds that nothing is judged of."""
        for each in files.found:
            self._add(each)
        self._aggregate()

    def _add(self, each: Found) -> None:
        kind = str(each.item["kind"])
        group, plural = KINDS.get(kind, ("", ""))
        said = each.item.get("apiVersion")
        said = said if isinstance(said, str) else ""
        of = said.rpartition("/")[0] or "core"
        if not plural or of not in _GROUPS:  # another project's kind, maybe of the same name
            self.other[kind] = self.other.get(kind, 0) + 1
            return
        place = f"{each.file}: document {each.number}, {kind} {each.item['metadata']['name']}"
        try:
            fit, remarks = fitted(each.item, shape_of(group, plural) or {})
        except MisfitError as error:
            self.warnings.append(f"{place}, is left out: {error}")
            return
        if of not in (group, *_FORMER):
            served = group if group != "core" else "v1"
            remarks.insert(0, f"apiVersion is {said or 'not said'} and should be one of {served}")
        remarks += without_containers(kind, fit)
        self._keep(kind, (group, plural), with_defaults(kind, current(kind, fit)), place)
        if remarks:
            self.warnings.append(f"{place}, would be refused: {'; '.join(remarks)}")

    def _keep(self, kind: str, listed: tuple[str, str], kept: dict[str, Any], place: str) -> None:
        metadata = kept["metadata"]
        if kind in _CLUSTER_WIDE:
            metadata.pop("namespace", None)
        else:
            metadata["namespace"] = metadata.get("namespace") or "default"
        objects = self._lists.setdefault(listed, {})
        namespace, name = metadata.get("namespace", ""), metadata["name"]
        if metadata.get("generateName") == name:  # the server gives each an ending of its own
            ends = ("", *(str(number) for number in range(2, len(objects) + 2)))
            name = next(name + end for end in ends if (namespace, name + end) not in objects)
            metadata["name"] = name
        before = self._places.get((*listed, namespace, name))
        if before is not None and objects[namespace, name] != kept:
            self.warnings.append(f"{place}, is judged in the place of another one: {before}")
        self._places[*listed, namespace, name] = place
        objects[namespace, name] = kept

    def _aggregate(self) -> None:
        """Give aggregated roles the rules of those that they select, as the cluster will; of one
        that selects none in the files nobody can say what it allows."""
        roles = self._lists.get(KINDS["ClusterRole"], {}).values()
        for role in roles:
            selectors = (role.get("aggregationRule") or {}).get("clusterRoleSelectors") or ()
            wanted = [each["matchLabels"] for each in selectors if each.get("matchLabels")]
            if rules := [
                rule
                for part in roles
                if part is not role and _has_labels(part, wanted)
                for rule in part.get("rules") or ()
            ]:
                role["rules"] = rules

    def answer(self, unit: Unit) -> dict[str, Any] | None:
        """Return what an API server would have answered; None where the files have none of it."""
        asked = orjson.loads(unit.parameters)
        plural, _, name = unit.operation.partition("/")
        found = self._lists.get((unit.service, plural), {})
        wanted = {"namespace": asked.get("namespace"), "name": name or None}
        items = [found[place] for place in sorted(found) if _is_of(found[place], wanted)]
        return {"kind": "List", "items": items, "metadata": {}} if items else None


class ManifestSession:
    """A session with files: nobody is asked. The account is the name that whoever brings them
    gives the cluster."""

    def __init__(self, manifests: Manifests, cluster: str) -> None:
        self._manifests = manifests
        self._cluster = cluster

    @property
    def region(self) -> str:
        """A cluster has no regions."""
        return GLOBAL

    def identify(self) -> Identity:
        """Return the cluster's name."""
        return Identity(self._cluster, "import", "kubernetes")

    def regions(self, account: str, caller: Caller) -> Regions:
        """Return none."""
        place = Place(account, GLOBAL, "kubernetes", Provider.KUBERNETES)
        return Regions((), unit_of(place, "core", "namespaces", {}))

    def clock_skew(self) -> timedelta | None:
        """Return None: files have no clock."""
        return None

    def caller(
        self, redaction_key: bytes, *, clock: Clock, places: Places | None = None
    ) -> ManifestCaller:
        """Return what answers out of the files."""
        return ManifestCaller(self._manifests, redaction_key, clock)

    def close(self) -> None:
        """Nothing is open."""


@dataclass(frozen=True, slots=True)
class ManifestCaller:
    """Answers lists out of manifests. A kind that the files do not have is one that was not asked
    for: nothing is said of it."""

    manifests: Manifests
    redaction_key: bytes
    clock: Clock

    def call(self, request: CallRequest) -> Answer:
        """Return a list as an API server would have answered it."""
        found = self.manifests.answer(request.unit)
        if found is None:
            return Answer(CallOutcome.UNSUPPORTED, None, self.clock(), "NotInTheFiles")
        document = redact(
            storable(storable_list(request.unit, found)),
            request.secret_paths,
            self.redaction_key,
            kept=("metadata",),
            given=GIVEN,
        )
        return Answer(CallOutcome.OK, document, self.clock())

    def close(self) -> None:
        """Nothing is open."""


def _has_labels(item: Mapping[str, Any], any_of: Iterable[Mapping[str, str]]) -> bool:
    labels = item["metadata"].get("labels") or {}
    return any(wanted.items() <= labels.items() for wanted in any_of)


def _is_of(item: Mapping[str, Any], wanted: Mapping[str, str | None]) -> bool:
    """Say whether a list that is of one namespace, or of one name, has an object."""
    return all(item["metadata"].get(part) == text for part, text in wanted.items() if text)
