{# The rows of a group as a list of records, sorted by their columns as listed. #}
{% macro ordered_records(columns) -%}
    {{ adapter.dispatch('ordered_records')(columns) }}
{%- endmacro %}

{% macro duckdb__ordered_records(columns) -%}
    {%- set fields = [] -%}
    {%- for column in columns %}{% do fields.append("'" ~ column ~ "': " ~ column) %}{% endfor -%}
    list_sort(list({{ '{' }}{{ fields | join(', ') }}{{ '}' }}))
{%- endmacro %}

{% macro spark__ordered_records(columns) -%}
    array_sort(collect_list(struct({{ columns | join(', ') }})))
{%- endmacro %}
