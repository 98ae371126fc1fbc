"""Schedules: audits and reports that come by themselves, at the times of a cron expression."""
