{# Sum of a list of numbers in its order; null for an empty list. #}
{% macro sum_of_numbers(numbers) -%}
    {{ adapter.dispatch('sum_of_numbers')(numbers) }}
{%- endmacro %}

{% macro duckdb__sum_of_numbers(numbers) -%}
    list_sum({{ numbers }})
{%- endmacro %}

{% macro spark__sum_of_numbers(numbers) -%}
    case
        when size({{ numbers }}) > 0
            then aggregate({{ numbers }}, cast(0 as double), (total, number) -> total + number)
    end
{%- endmacro %}
