{# Median of the numbers of a group, halfway between the two in the middle; nulls are left out. #}
{% macro median_of(number) -%}
    {{ adapter.dispatch('median_of')(number) }}
{%- endmacro %}

{% macro duckdb__median_of(number) -%}
    median({{ number }})
{%- endmacro %}

{% macro spark__median_of(number) -%}
    percentile({{ number }}, 0.5)
{%- endmacro %}
