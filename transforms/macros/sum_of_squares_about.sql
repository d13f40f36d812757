{# Sum of the squared distances of a list of numbers from a centre, in the order of the list. #}
{% macro sum_of_squares_about(numbers, centre) -%}
    {{ adapter.dispatch('sum_of_squares_about')(numbers, centre) }}
{%- endmacro %}

{% macro duckdb__sum_of_squares_about(numbers, centre) -%}
    list_sum(list_transform({{ numbers }}, lambda x: (x - {{ centre }}) * (x - {{ centre }})))
{%- endmacro %}

{% macro spark__sum_of_squares_about(numbers, centre) -%}
    aggregate(
        {{ numbers }},
        cast(0 as double),
        (total, x) -> total + (x - {{ centre }}) * (x - {{ centre }})
    )
{%- endmacro %}
