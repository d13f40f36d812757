{# A field of the first record of a list. #}
{% macro first_of_records(records, field) -%}
    {{ adapter.dispatch('first_of_records')(records, field) }}
{%- endmacro %}

{% macro duckdb__first_of_records(records, field) -%}
    {{ records }}[1].{{ field }}
{%- endmacro %}

{% macro spark__first_of_records(records, field) -%}
    {{ records }}[0].{{ field }}
{%- endmacro %}
