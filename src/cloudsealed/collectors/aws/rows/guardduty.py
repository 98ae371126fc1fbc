"""GuardDuty: detectors, and a region's together. Of its findings only how many there are."""

from __future__ import annotations

from cloudsealed.collectors.model import Enrich, Row

ROWS: tuple[Row, ...] = (
    Row(
        type="aws.guardduty.detector",
        service="guardduty",
        operation="ListDetectors",
        items="DetectorIds[].{DetectorId: @}",
        native_id="arn:{partition}:guardduty:{region}:{account}:detector/{DetectorId}",
        given="`true`",
        name="DetectorId",
        tags="Detector.Tags",
        created="Detector.CreatedAt",
        enrich=(
            Enrich(
                operation="GetDetector",
                params={"DetectorId": "DetectorId"},
                fills={"Detector": "@"},
            ),
            Enrich(
                operation="GetFindingsStatistics",
                params={"DetectorId": "DetectorId"},
                constants={
                    "FindingCriteria": {"Criterion": {"service.archived": {"Eq": ["false"]}}},
                    "GroupBy": "SEVERITY",
                },
                fills={"FindingCounts": "FindingStatistics.GroupedBySeverity"},
            ),
        ),
    ),
    Row(
        type="aws.guardduty.region_settings",
        service="guardduty",
        operation=None,
        native_id="arn:{partition}:guardduty:{region}:{account}:region-settings",
        tags=None,
        enrich=(
            Enrich(operation="ListDetectors", fills={"DetectorIds": "DetectorIds"}),
            Enrich(
                operation="GetDetector",
                params={"DetectorId": "each"},
                each="DetectorIds",
                fills={"Detectors": "@"},
            ),
        ),
    ),
)
