"""GuardDuty: detectors. Its findings are not collected."""

from __future__ import annotations

from cloudsealed.collectors.model import Enrich, Row

ROWS: tuple[Row, ...] = (
    Row(
        type="aws.guardduty.detector",
        service="guardduty",
        operation="ListDetectors",
        items="DetectorIds[].{DetectorId: @}",
        native_id="arn:{partition}:guardduty:{region}:{account}:detector/{DetectorId}",
        name="DetectorId",
        tags="Detector.Tags",
        created="Detector.CreatedAt",
        enrich=(
            Enrich(
                operation="GetDetector",
                params={"DetectorId": "DetectorId"},
                fills={"Detector": "@"},
            ),
        ),
    ),
)
