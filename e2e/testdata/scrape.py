"""Reads OpenMetrics text with Prometheus' own parser and prints JSON: [[name, labels, value], ...] of every sample."""
import json
import sys

from prometheus_client.openmetrics.parser import text_string_to_metric_families

print(json.dumps([[s.name, s.labels, s.value] for family in text_string_to_metric_families(sys.stdin.read())
                  for s in family.samples]))
