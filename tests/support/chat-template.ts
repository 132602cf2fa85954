/** The shipped models have no template. With this one they can chat. */
export const chatTemplate =
  '{{ bos_token }}{% for m in messages %}{{ m.role }}:{{ m.content }}\n{% endfor %}{% if add_generation_prompt %}assistant:{% endif %}';
