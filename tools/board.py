"""Writes the Grafana board of an installation and the alerts of Prometheus, from one table each.

    python tools/board.py

Figures are those of docs/operate/watching.md; a test holds that each is one that `/metrics` shows.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent.parent / "docs" / "monitoring"
BOARD, ALERTS = FOLDER / "grafana.json", FOLDER / "alerts.yaml"

PANELS = (  # title, unit of Grafana, (query, legend)…
    (
        "Responses a second",
        "reqps",
        ("sum by (status) (rate(cloudsealed_http_responses_total[5m]))", "{{status}}"),
    ),
    (
        "Time until a response began",
        "s",
        *(
            (
                (
                    f"histogram_quantile({quantile}, sum by (le)"
                    " (rate(cloudsealed_http_response_seconds_bucket[5m])))"
                ),
                name,
            )
            for quantile, name in ((0.5, "p50"), (0.95, "p95"), (0.99, "p99"))
        ),
    ),
    (
        "Slowest routes, p95",
        "s",
        (
            (
                "topk(8, histogram_quantile(0.95, sum by (le, route)"
                " (rate(cloudsealed_http_response_seconds_bucket[15m]))))"
            ),
            "{{route}}",
        ),
    ),
    (
        "Requests that a budget refused",
        "reqps",
        ("sum by (budget) (rate(cloudsealed_budget_refusals_total[5m]))", "{{budget}}"),
    ),
    (
        "Parts at fault, which /readyz names",
        "short",
        ("max by (part) (cloudsealed_part_fault)", "{{part}}"),
    ),
    ("Audits", "short", ("max by (status) (cloudsealed_audits)", "{{status}}")),
    ("Jobs", "short", ("max by (kind, status) (cloudsealed_jobs)", "{{kind}} {{status}}")),
    (
        "Age of the oldest job that waits",
        "s",
        ('max by (kind) (cloudsealed_jobs_oldest_seconds{status="queued"})', "{{kind}}"),
    ),
    (
        "Parts of audits",
        "short",
        ("max by (step, state) (cloudsealed_shards)", "{{step}} {{state}}"),
    ),
    (
        "For how long the first part has waited",
        "s",
        ("max by (step) (cloudsealed_shards_oldest_seconds)", "{{step}}"),
    ),
    (
        "Jobs that ended, an hour",
        "short",
        (
            "sum by (kind, outcome) (increase(cloudsealed_jobs_ended_total[1h]))",
            "{{kind}} {{outcome}}",
        ),
    ),
    (
        "Calls of providers by outcome",
        "reqps",
        ("sum by (outcome) (rate(cloudsealed_provider_calls_total[5m]))", "{{outcome}}"),
    ),
    (
        "Calls that were denied, throttled or failed, by service",
        "reqps",
        (
            (
                "topk(8, sum by (service, outcome) (rate("
                'cloudsealed_provider_calls_total{outcome=~".*denied.*|throttled|failed"}[5m])))'
            ),
            "{{service}} {{outcome}}",
        ),
    ),
    (
        "Providers that asked for a slower pace",
        "reqps",
        ("sum by (service) (rate(cloudsealed_provider_throttles_total[5m]))", "{{service}}"),
    ),
    (
        "Database connections",
        "short",
        ("max by (instance, state) (cloudsealed_database_connections)", "{{instance}} {{state}}"),
        (
            "max by (worker, state) (cloudsealed_worker_database_connections)",
            "{{worker}} {{state}}",
        ),
    ),
    (
        "Memory",
        "bytes",
        ("process_resident_memory_bytes", "{{instance}}"),
        ("max by (worker) (cloudsealed_worker_resident_bytes)", "{{worker}}"),
    ),
    (
        "Seconds since a worker was alive",
        "s",
        ("max by (worker) (cloudsealed_worker_seen_seconds)", "{{worker}}"),
    ),
    ("Free disk", "bytes", ("min by (folder) (cloudsealed_disk_free_bytes)", "{{folder}}")),
)

RULES = (  # name, query, how long, severity, what it means and what to do
    (
        "CloudSealedAway",
        'up{job="cloudsealed"} == 0',
        "2m",
        "critical",
        "A server does not answer: look at its log and at /readyz.",
    ),
    (
        "CloudSealedNoWorker",
        "min(cloudsealed_worker_seen_seconds) > 60 or absent(cloudsealed_worker_seen_seconds)",
        "2m",
        "critical",
        "No worker is alive: audits and reports wait. /readyz says more, the log why it ended.",
    ),
    (
        "CloudSealedJobsWait",
        'max(cloudsealed_jobs_oldest_seconds{status="queued"}) > 3600',
        "5m",
        "warning",
        "A job has waited for an hour: more workers are more hosts with `cloudsealed worker`.",
    ),
    (
        "CloudSealedUnavailable",
        'sum(rate(cloudsealed_http_responses_total{status="503"}[5m])) > 0.1',
        "5m",
        "warning",
        "Requests are answered 503: /readyz names the part that is at fault.",
    ),
    (
        "CloudSealedFaults",
        'sum(rate(cloudsealed_http_responses_total{status="500"}[15m])) > 0',
        "0m",
        "warning",
        "A request failed by a fault of the server: its log has the error under the request's id.",
    ),
    (
        "CloudSealedPart",
        (
            "max by (part)"
            ' (cloudsealed_part_fault{part=~"database|schema|keys|limits|blobs|audits"}) > 0'
        ),
        "5m",
        "warning",
        "A part is at fault, which the label `part` names: /readyz says what it is.",
    ),
    (
        "CloudSealedJobsFail",
        'sum by (kind) (increase(cloudsealed_jobs_ended_total{outcome="failed"}[1h])) > 0',
        "0m",
        "warning",
        "A job was given up: what it was for is `failed` and says why, the log has the error.",
    ),
    (
        "CloudSealedCallsFail",
        (
            'sum(rate(cloudsealed_provider_calls_total{outcome="failed"}[15m]))'
            " > 0.2 * sum(rate(cloudsealed_provider_calls_total[15m]))"
        ),
        "15m",
        "warning",
        "A fifth of all calls fail: the cloud, or the way to it, does not answer.",
    ),
    (
        "CloudSealedDiskFills",
        "min(cloudsealed_disk_free_bytes) < 1073741824",
        "10m",
        "critical",
        "Less than a GiB is free: nothing is written when the disk is full.",
    ),
    (
        "CloudSealedConnectionsSpent",
        (
            'max by (instance) (cloudsealed_database_connections{state="in_use"})'
            ' >= max by (instance) (cloudsealed_database_connections{state="limit"})'
            ' or max by (worker) (cloudsealed_worker_database_connections{state="in_use"})'
            ' >= max by (worker) (cloudsealed_worker_database_connections{state="limit"})'
        ),
        "5m",
        "warning",
        "Every connection is in use: raise CLOUDSEALED_DATABASE_CONNECTIONS.",
    ),
)


def board() -> dict[str, Any]:
    """Return the board as Grafana imports it."""
    panels = [
        {
            "id": number + 1,
            "type": "timeseries",
            "title": title,
            "datasource": {"type": "prometheus", "uid": "${source}"},
            "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
            "gridPos": {"h": 8, "w": 12, "x": 12 * (number % 2), "y": 8 * (number // 2)},
            "targets": [
                {"refId": chr(65 + index), "expr": query, "legendFormat": legend}
                for index, (query, legend) in enumerate(queries)
            ],
        }
        for number, (title, unit, *queries) in enumerate(PANELS)
    ]
    source = {"name": "source", "type": "datasource", "query": "prometheus", "label": "Prometheus"}
    return {
        "uid": "cloudsealed",
        "title": "CloudSealed",
        "schemaVersion": 39,
        "time": {"from": "now-6h", "to": "now"},
        "refresh": "1m",
        "templating": {"list": [source]},
        "panels": panels,
    }


def alerts() -> dict[str, Any]:
    """Return the rules as Prometheus reads them."""
    rules = [
        {
            "alert": name,
            "expr": query,
            "for": lasting,
            "labels": {"severity": severity},
            "annotations": {"summary": text},
        }
        for name, query, lasting, severity, text in RULES
    ]
    return {"groups": [{"name": "cloudsealed", "rules": rules}]}


def written() -> dict[Path, str]:
    """Return what stands in each file; JSON is YAML, and needs no other writer."""
    return {
        BOARD: json.dumps(board(), indent=1) + "\n",
        ALERTS: json.dumps(alerts(), indent=1) + "\n",
    }


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for path, text in written().items():
        path.write_text(text)
