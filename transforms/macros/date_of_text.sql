{# The date a text says when it says a whole one (ISO 8601), else null. #}
{% macro date_of_text(text) -%}
    case when length({{ text }}) = 10 then try_cast({{ text }} as date) end
{%- endmacro %}
