{# Empty cells of a seed's text columns as '', not null: the loader makes them null, and a key has none. #}
{% macro missing_as_empty(columns) -%}
    update {{ this }}
    set {% for column in columns %}{{ column }} = coalesce({{ column }}, ''){{ ', ' if not loop.last }}{% endfor %}
{%- endmacro %}
