{# The numbers of a group, smallest first, nulls left out: sums in this order always have the same bits. #}
{% macro ordered_numbers(number) -%}
    {{ adapter.dispatch('ordered_numbers')(number) }}
{%- endmacro %}

{% macro duckdb__ordered_numbers(number) -%}
    list_sort(coalesce(list({{ number }}) filter ({{ number }} is not null), []))
{%- endmacro %}

{% macro spark__ordered_numbers(number) -%}
    array_sort(collect_list({{ number }}))
{%- endmacro %}
