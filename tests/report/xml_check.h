/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PWF_TESTS_XML_CHECK_H
#define PWF_TESTS_XML_CHECK_H

/* NULL if the text is well-formed XML (declaration, elements, attributes, text, character entities;
 * no comments or CDATA), else what is wrong. */
const char *xml_check(const char *text);

#endif
