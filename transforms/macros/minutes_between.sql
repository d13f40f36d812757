{# Minutes from one moment to another, with their fraction: negative when the second comes first. #}
{% macro minutes_between(from_at, to_at) -%}
    {{ adapter.dispatch('minutes_between')(from_at, to_at) }}
{%- endmacro %}

{% macro duckdb__minutes_between(from_at, to_at) -%}
    (date_diff('microsecond', {{ from_at }}, {{ to_at }}) / 60000000.0)
{%- endmacro %}

{% macro spark__minutes_between(from_at, to_at) -%}
    ((unix_micros({{ to_at }}) - unix_micros({{ from_at }})) / 60000000D)
{%- endmacro %}
