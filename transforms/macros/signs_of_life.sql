{# Records beside enrolment, contacts and death: record type, the day it tells, and when that shows life. #}
{% macro signs_of_life() -%}
    {{ return([
        ('disease_events', 'event_on', 'true'),
        ('anticancer_therapies', 'started_on', 'true'),
        ('exercise_bouts', 'cast(coalesce(ended_at, started_at) as date)', 'true'),
        ('samples', 'cast(collected_at as date)', 'true'),
        ('activity_reports', 'reported_on', 'true'),
        ('measurements', 'measured_on', 'true'),
        ('exercise_sessions', 'session_on', 'coalesce(is_attended, completed_minutes > 0)'),
        ('treatment_adherence', 'period_starts_on', 'n_doses_taken > 0'),
        ('adverse_events', 'started_on', 'true'),
        ('adverse_events', 'ended_on', 'true'),
    ]) }}
{%- endmacro %}
