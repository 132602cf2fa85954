/** The shipped models bring no template; with this one they chat. */
export const chatTemplate =
  '{{ bos_token }}{% for m in messages %}{{ m.role }}:{{ m.content }}\n{% endfor %}{% if add_generation_prompt %}assistant:{% endif %}';
