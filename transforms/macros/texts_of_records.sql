{# The texts in a field of a list of records, each once, in the order of their first mention. #}
{% macro texts_of_records(records, field, separator) -%}
    {{ adapter.dispatch('texts_of_records')(records, field, separator) }}
{%- endmacro %}

{% macro duckdb__texts_of_records(records, field, separator) -%}
    array_to_string(
        list_filter(
            list_transform({{ records }}, lambda x: x.{{ field }}),
            lambda text, place: list_position(
                list_transform({{ records }}, lambda x: x.{{ field }}), text
            ) = place
        ),
        '{{ separator }}'
    )
{%- endmacro %}

{% macro spark__texts_of_records(records, field, separator) -%}
    array_join(array_distinct({{ records }}.{{ field }}), '{{ separator }}')
{%- endmacro %}
