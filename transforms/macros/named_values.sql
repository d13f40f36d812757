{# A relation (columns of `keys`, then name and value) from one with a list of name-value pairs a row. #}
{% macro named_values(relation, keys, pairs) -%}
    {{ adapter.dispatch('named_values')(relation, keys, pairs) }}
{%- endmacro %}

{% macro duckdb__named_values(relation, keys, pairs) -%}
    select
        {{ keys | join(', ') }},
        pair.name as name,
        pair.value as value
    from (select {{ keys | join(', ') }}, unnest({{ pairs }}) as pair from {{ relation }}) as listed
{%- endmacro %}

{% macro spark__named_values(relation, keys, pairs) -%}
    select
        {{ keys | join(', ') }},
        pair.name as name,
        pair.value as value
    from {{ relation }} lateral view explode({{ pairs }}) exploded as pair
{%- endmacro %}
