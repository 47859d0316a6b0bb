// Passkeys: a form with data-passkey asks the authenticator before it is sent. Nothing else on the page needs a script.
'use strict';
(() => {
  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0));
  const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
  const say = (form, words) => { form.querySelector('[data-say]').textContent = words; };

  const get = async (options) => {
    const got = await navigator.credentials.get({ publicKey: {
      ...options,
      challenge: bytes(options.challenge),
      allowCredentials: options.allowCredentials.map((c) => ({ ...c, id: bytes(c.id) })),
    } });
    return {
      id: text(got.rawId),
      client_data: text(got.response.clientDataJSON),
      authenticator_data: text(got.response.authenticatorData),
      signature: text(got.response.signature),
      user_handle: got.response.userHandle ? text(got.response.userHandle) : '',
    };
  };

  const create = async (options) => {
    const made = await navigator.credentials.create({ publicKey: {
      ...options,
      challenge: bytes(options.challenge),
      user: { ...options.user, id: bytes(options.user.id) },
      excludeCredentials: options.excludeCredentials.map((c) => ({ ...c, id: bytes(c.id) })),
    } });
    return { client_data: text(made.response.clientDataJSON), attestation: text(made.response.attestationObject) };
  };

  for (const form of document.querySelectorAll('form[data-passkey]')) {
    form.addEventListener('submit', async (event) => {
      const button = event.submitter;
      if (!button || !button.hasAttribute('data-ask')) return;
      event.preventDefault();
      if (!form.reportValidity()) return;
      try {
        const options = JSON.parse(form.dataset.options);
        const answer = form.dataset.passkey === 'create' ? await create(options) : await get(options);
        for (const [name, value] of Object.entries(answer)) form.elements.namedItem(`passkey.${name}`).value = value;
        const choice = form.elements.namedItem('passkey.choice');
        if (choice) choice.value = button.value;
        form.submit();
      } catch (error) {
        say(form, `The passkey was not used (${error.name}). Nothing was sent.`);
      }
    });
  }
})();
