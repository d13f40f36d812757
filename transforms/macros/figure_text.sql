{# A figure in a sentence: one decimal, none when it is 0. #}
{% macro figure_text(figure) -%}
    regexp_replace(cast(cast({{ figure }} as decimal(18, 1)) as varchar), '[.]0$', '')
{%- endmacro %}
