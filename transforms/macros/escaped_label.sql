{# A text in a label that joins factors by | and =: a backslash, chr(92), goes before each \ | = in it. #}
{% macro escaped_label(text) -%}
    replace(replace(replace({{ text }}, chr(92), chr(92) || chr(92)), '|', chr(92) || '|'), '=', chr(92) || '=')
{%- endmacro %}
